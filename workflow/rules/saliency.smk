# A run with the section `saliency` shows where models look, and scores these maps.
rule saliency:
    input:
        script=script("saliency"),
        failed=script("record_failure"),
        samples=layout.samples(),
        frames=layout.frames(),
        faces=layout.faces(),
        predictions=layout.predictions(),
        trained=trained_of,
    output:
        saliency=layout.saliency(),
        timing=timing_of(layout.saliency()),
    log:
        layout.log("saliency", "{dataset}", "{detector}", "{model}"),
    benchmark:
        layout.benchmark("saliency", "{dataset}", "{detector}", "{model}")
    conda:
        env_of("model")
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=runtime(120, per_gb=10),
        gpu=gpus_of("model"),
    params:
        spec=spec("saliency_job", "dataset", "detector", "model"),
    shell:
        "python {input.script:q} --samples {input.samples} --frames {input.frames}"
        " --faces {input.faces} --predictions {input.predictions} --trained {input.trained}"
        " --output {output.saliency} --timing {output.timing}"
        " --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind saliency"
        " --upstream {input.predictions} {input.trained}"
        " --output {output.saliency} --timing {output.timing}"


rule score_saliency:
    input:
        script=script("score_saliency"),
        samples=layout.samples(),
        saliency=layout.saliency(),
    output:
        layout.saliency_score(),
    log:
        layout.log("score_saliency", "{dataset}", "{detector}", "{model}"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(60),
    params:
        spec=spec("score_saliency_job", "dataset", "detector", "model"),
    shell:
        "python {input.script:q} --samples {input.samples} --saliency {input.saliency}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"
