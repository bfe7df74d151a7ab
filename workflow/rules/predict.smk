rule train:
    input:
        script=script("train"),
        failed=script("record_failure"),
        samples=training_file("samples"),
        frames=training_file("frames"),
        faces=training_file("faces"),
    output:
        layout.trained(),
    log:
        layout.log("train", "{detector}", "{model}"),
    wildcard_constraints:
        model=BY_FRAME,
    conda:
        env_of("model")
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=runtime(60, per_gb=120),
        gpu=gpus_of("model"),
    params:
        spec=spec("train_job", "detector", "model"),
    shell:
        "python {input.script:q} --samples {input.samples} --frames {input.frames}"
        " --faces {input.faces} --output {output}"
        " --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind trained"
        " --upstream {input.faces} --output {output}"


rule predict:
    input:
        script=script("predict"),
        failed=script("record_failure"),
        frames=layout.frames(),
        faces=layout.faces(),
        trained=trained_of,
    output:
        predictions=layout.predictions(),
        timing=timing_of(layout.predictions()),
    log:
        layout.log("predict", "{dataset}", "{detector}", "{model}"),
    benchmark:
        layout.benchmark("predict", "{dataset}", "{detector}", "{model}")
    wildcard_constraints:
        dataset=WORKED,
        model=BY_FRAME,
    conda:
        env_of("model")
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=runtime(60, per_gb=120),
        gpu=gpus_of("model"),
    params:
        spec=spec("predict_job", "dataset", "detector", "model"),
    shell:
        "python {input.script:q} --frames {input.frames} --faces {input.faces}"
        " --trained {input.trained} --output {output.predictions}"
        " --timing {output.timing} --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind predictions"
        " --frames {input.frames} --upstream {input.faces} {input.trained}"
        " --output {output.predictions} --timing {output.timing}"


# What a model reads of every frame, for networks over time.
use rule predict as embed with:
    input:
        script=script("embed"),
        failed=script("record_failure"),
        frames=layout.frames(),
        faces=layout.faces(),
        trained=reader_of,
    output:
        predictions=layout.features(),
        timing=timing_of(layout.features()),
    log:
        layout.log("embed", "{dataset}", "{detector}", "{model}"),
    benchmark:
        layout.benchmark("embed", "{dataset}", "{detector}", "{model}")
    wildcard_constraints:
        dataset=WORKED,
    params:
        spec=spec("embed_job", "dataset", "detector", "model"),


rule predict_clips:
    input:
        script=script("predict_clips"),
        failed=script("record_failure"),
        frames=layout.frames(),
        features=clips_read,
        trained=trained_of,
    output:
        predictions=layout.predictions(),
        timing=timing_of(layout.predictions()),
    log:
        layout.log("predict", "{dataset}", "{detector}", "{model}"),
    benchmark:
        layout.benchmark("predict", "{dataset}", "{detector}", "{model}")
    wildcard_constraints:
        dataset=WORKED,
        model=OVER_TIME,
    conda:
        env_of("model")
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(60),
        gpu=gpus_of("model"),
    params:
        spec=spec("predict_clips_job", "dataset", "detector", "model"),
    shell:
        "python {input.script:q} --features {input.features} --trained {input.trained}"
        " --output {output.predictions} --timing {output.timing}"
        " --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind predictions"
        " --frames {input.frames} --upstream {input.features} {input.trained}"
        " --output {output.predictions} --timing {output.timing}"
