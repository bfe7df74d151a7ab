rule samples:
    input:
        script=script("samples"),
    output:
        layout.samples(),
    log:
        layout.log("samples", "{dataset}"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(120),
    params:
        spec=spec("samples_job", "dataset"),
    shell:
        "python {input.script:q} --output {output} --spec {params.spec:q} > {log} 2>&1"


rule frames:
    input:
        script=script("frames"),
        samples=layout.samples(),
    output:
        layout.frames(),
    log:
        layout.log("frames", "{dataset}"),
    wildcard_constraints:
        dataset=WORKED,
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(240, per_gb=1200),
    params:
        spec=spec("frames_job", "dataset"),
    shell:
        "python {input.script:q} --samples {input.samples} --output {output}"
        " --spec {params.spec:q} > {log} 2>&1"


rule audio:
    input:
        script=script("audio"),
        samples=layout.samples(),
    output:
        layout.audio(),
    log:
        layout.log("audio", "{dataset}"),
    wildcard_constraints:
        dataset=WORKED,
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(240, per_gb=1200),
    params:
        spec=spec("audio_job", "dataset"),
    shell:
        "python {input.script:q} --samples {input.samples} --output {output}"
        " --spec {params.spec:q} > {log} 2>&1"
