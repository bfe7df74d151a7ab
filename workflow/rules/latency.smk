# With `speed.queries`, these rules time every detector and every model while nothing else of this
# run works on the machine (on a cluster, on the job's own cores). Their jobs ask for all cores, so
# that they wait for each other, and use as many as the jobs that detect and predict.
rule detector_latency:
    input:
        script=script("detector_latency"),
        failed=script("record_failure"),
        frames=layout.frames(),
    output:
        layout.latency(),
    log:
        layout.log("latency", "{dataset}", "{detector}"),
    conda:
        env_of("detector")
    threads: all_cores
    resources:
        mem_mb=memory(4000),
        runtime=runtime(60, per_gb=10),
        gpu=gpus_of("detector"),
    params:
        one_thread=ONE_THREAD,
        about=about,
        spec=spec("detector_latency_job", "dataset", "detector"),
    shell:
        "{params.one_thread} python {input.script:q} --frames {input.frames} --output {output}"
        " --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind latency"
        " --about {params.about:q} --output {output}"


rule model_latency:
    input:
        script=script("model_latency"),
        failed=script("record_failure"),
        frames=layout.frames(),
        faces=layout.faces(),
        trained=trained_of,
    output:
        layout.latency(model="{model}"),
    log:
        layout.log("latency", "{dataset}", "{detector}", "{model}"),
    conda:
        env_of("model")
    threads: all_cores
    resources:
        mem_mb=memory(4000),
        runtime=runtime(60, per_gb=10),
        gpu=gpus_of("model"),
    params:
        one_thread=ONE_THREAD,
        about=about,
        spec=spec("model_latency_job", "dataset", "detector", "model"),
    shell:
        "{params.one_thread} python {input.script:q} --frames {input.frames}"
        " --faces {input.faces} --trained {input.trained} --output {output}"
        " --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind latency"
        " --about {params.about:q} --output {output}"
