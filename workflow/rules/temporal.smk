# A run with the section `temporal` reads its pipelines over time by rules, and scores both.
if plan.config.temporal:

    rule steady:
        input:
            script=script("steady"),
            failed=script("record_failure"),
            predictions=read_over_time,
            frames=layout.frames(),
            samples=layout.samples(),
            validation=validation_over_time,
        output:
            layout.temporal(),
        log:
            layout.log("steady", "{dataset}", "{temporal}"),
        conda:
            "../../envs/core.yaml"
        threads: 1
        resources:
            mem_mb=memory(2000, 20, "predictions"),
            runtime=runtime(60),
        params:
            spec=spec("steady_job", "dataset", "temporal"),
        shell:
            "python {input.script:q} --predictions {input.predictions} --frames {input.frames}"
            " --samples {input.samples} --validation {input.validation} --output {output}"
            " --spec {params.spec:q} > {log} 2>&1"
            " || python {input.failed:q} --status $? --log {log} --kind predictions"
            " --frames {input.frames} --upstream {input.predictions} --output {output}"

    use rule score as score_temporal with:
        input:
            script=script("score"),
            samples=layout.samples(),
            frames=layout.frames(),
            predictions=layout.temporal(),
            validation=[],
            groups=measured_groups,
        output:
            layout.temporal_score(),
        log:
            layout.log("score", "{dataset}", "temporal", "{temporal}"),
        params:
            spec=spec("temporal_score_job", "dataset", "temporal"),

    rule over_time:
        input:
            script=script("over_time"),
            samples=layout.samples(),
            frames=layout.frames(),
            bare=lambda wildcards: plan.prediction_files(wildcards.dataset),
            temporal=lambda wildcards: plan.temporal_files(wildcards.dataset),
        output:
            layout.over_time(),
        log:
            layout.log("over_time", "{dataset}"),
        conda:
            "../../envs/core.yaml"
        threads: 1
        resources:
            mem_mb=memory(4000, 20, "bare", "temporal"),
            runtime=runtime(120),
        params:
            spec=spec("over_time_job", "dataset"),
        shell:
            "python {input.script:q} --samples {input.samples} --frames {input.frames}"
            " --bare {input.bare} --temporal {input.temporal}"
            " --output {output} --spec {params.spec:q} > {log} 2>&1"
