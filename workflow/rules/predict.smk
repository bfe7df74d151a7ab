rule train:
    input:
        script=script("train"),
        failed=script("record_failure"),
        samples=training_file("samples"),
        frames=training_file("frames"),
        faces=training_file("faces"),
    output:
        f"{R}/trained/{{detector}}/{{model}}.npz",
    log:
        f"{R}/logs/train/{{detector}}/{{model}}.log",
    conda:
        env_of("model")
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=runtime(60, per_gb=120),
        gpu=gpus_of("model"),
    params:
        spec=spec("train_spec", "detector", "model"),
    shell:
        "python {input.script:q} --samples {input.samples} --frames {input.frames} --faces {input.faces} --output {output}"
        " --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind trained --upstream {input.faces} --output {output}"


rule predict:
    input:
        script=script("predict"),
        failed=script("record_failure"),
        frames=f"{R}/frames/{{dataset}}.parquet",
        faces=f"{R}/faces/{{dataset}}/{{detector}}.parquet",
        trained=trained_of,
    output:
        predictions=f"{R}/predictions/{{dataset}}/{{detector}}/{{model}}.parquet",
        timing=f"{R}/predictions/{{dataset}}/{{detector}}/{{model}}.timing.json",
    log:
        f"{R}/logs/predict/{{dataset}}/{{detector}}/{{model}}.log",
    benchmark:
        f"{R}/benchmarks/predict/{{dataset}}/{{detector}}/{{model}}.tsv"
    wildcard_constraints:
        dataset=WORKED,
    conda:
        env_of("model")
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=runtime(60, per_gb=120),
        gpu=gpus_of("model"),
    params:
        spec=spec("predict_spec", "dataset", "detector", "model"),
    shell:
        "python {input.script:q} --frames {input.frames} --faces {input.faces} --trained {input.trained} --output {output.predictions}"
        " --timing {output.timing} --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind predictions --frames {input.frames} --upstream {input.faces} {input.trained}"
        " --output {output.predictions} --timing {output.timing}"
