rule detect:
    input:
        script=script("detect"),
        failed=script("record_failure"),
        frames=layout.frames(),
    output:
        faces=detected(),
        timing=timing_of(detected()),
    log:
        layout.log("detect", "{dataset}", "{detector}"),
    benchmark:
        layout.benchmark("detect", "{dataset}", "{detector}")
    wildcard_constraints:
        dataset=WORKED,
    conda:
        env_of("detector")
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=runtime(60, per_gb=120),
        gpu=gpus_of("detector"),
    params:
        spec=spec("detect_job", "dataset", "detector"),
    shell:
        "python {input.script:q} --frames {input.frames} --output {output.faces}"
        " --timing {output.timing} --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind faces --frames {input.frames}"
        " --output {output.faces} --timing {output.timing}"
