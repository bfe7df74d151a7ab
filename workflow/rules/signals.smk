# A run with the section `signals` measures faces: action units, head pose, gaze …
rule signals:
    input:
        script=script("signals"),
        failed=script("record_failure"),
        frames=layout.frames(),
        faces=layout.faces(),
    output:
        signals=layout.signals(),
        timing=timing_of(layout.signals()),
    log:
        layout.log("signals", "{dataset}", "{detector}", "{signal}"),
    benchmark:
        layout.benchmark("signals", "{dataset}", "{detector}", "{signal}")
    wildcard_constraints:
        dataset=WORKED,
    conda:
        env_of("signal")
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=runtime(60, per_gb=120),
        gpu=gpus_of("signal"),
    params:
        spec=spec("signals_job", "dataset", "detector", "signal"),
    shell:
        "python {input.script:q} --frames {input.frames} --faces {input.faces}"
        " --output {output.signals} --timing {output.timing}"
        " --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind signals"
        " --frames {input.frames} --upstream {input.faces}"
        " --output {output.signals} --timing {output.timing}"


use rule gather_faces as gather_signals with:
    input:
        script=script("gather"),
        shards=shards_of(layout.signals("{shard}")),
        timings=shards_of(timing_of(layout.signals("{shard}"))),
    output:
        table=layout.signals(),
        timing=timing_of(layout.signals()),
    log:
        layout.log("gather_signals", "{dataset}", "{detector}", "{signal}"),


rule true_faces:
    input:
        script=script("true_faces"),
        samples=layout.samples(),
        frames=layout.frames(),
    output:
        layout.true_faces(),
    log:
        layout.log("true_faces", "{dataset}"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(60),
    params:
        spec=spec("true_faces_job", "dataset"),
    shell:
        "python {input.script:q} --samples {input.samples} --frames {input.frames}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"


rule score_signals:
    input:
        script=script("score_signals"),
        samples=layout.samples(),
        frames=layout.frames(),
        faces=measured_faces("faces"),
        signals=measured_faces("signals"),
        true_faces=lambda wildcards: plan.true_face_files(wildcards.dataset),
    output:
        layout.signal_score(),
    log:
        layout.log("score_signals", "{dataset}", "{detector}", "{signal}"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(60),
    params:
        spec=spec("score_signals_job", "dataset", "detector", "signal"),
    shell:
        "python {input.script:q} --samples {input.samples} --frames {input.frames}"
        " --faces {input.faces} --signals {input.signals} --true-faces {input.true_faces}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"
