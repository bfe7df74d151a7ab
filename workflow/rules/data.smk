rule samples:
    input:
        script=script("samples"),
    output:
        f"{R}/samples/{{dataset}}.parquet",
    log:
        f"{R}/logs/samples/{{dataset}}.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(120),
    params:
        spec=spec("samples_spec", "dataset"),
    shell:
        "python {input.script:q} --output {output} --spec {params.spec:q} > {log} 2>&1"


rule frames:
    input:
        script=script("frames"),
        samples=f"{R}/samples/{{dataset}}.parquet",
    output:
        f"{R}/frames/{{dataset}}.parquet",
    log:
        f"{R}/logs/frames/{{dataset}}.log",
    wildcard_constraints:
        dataset=WORKED,
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(240, per_gb=1200),
    params:
        spec=spec("frames_spec", "dataset"),
    shell:
        "python {input.script:q} --samples {input.samples} --output {output} --spec {params.spec:q} > {log} 2>&1"


rule audio:
    input:
        script=script("audio"),
        samples=f"{R}/samples/{{dataset}}.parquet",
    output:
        f"{R}/audio/{{dataset}}.parquet",
    log:
        f"{R}/logs/audio/{{dataset}}.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(240, per_gb=1200),
    params:
        spec=spec("audio_spec", "dataset"),
    shell:
        "python {input.script:q} --samples {input.samples} --output {output} --spec {params.spec:q} > {log} 2>&1"
