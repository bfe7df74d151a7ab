# A run with the section `corruptions` makes pictures worse and lets its cells read them again. No
# picture is stored: each job makes them from the frames.
if plan.config.corruptions:

    rule corrupt_detect:
        input:
            script=script("corrupt_detect"),
            failed=script("record_failure"),
            frames=layout.frames(),
            faces=layout.faces(),
        output:
            faces=layout.corrupted_faces(),
            timing=timing_of(layout.corrupted_faces()),
        log:
            layout.log("corrupt_detect", "{dataset}", "{corruption}", "{detector}"),
        benchmark:
            layout.benchmark("corrupt_detect", "{dataset}", "{corruption}", "{detector}")
        wildcard_constraints:
            dataset=WORKED,
        conda:
            env_of("detector")
        threads: 1
        resources:
            mem_mb=memory(4000),
            runtime=runtime(120, per_gb=1200),
            gpu=gpus_of("detector"),
        params:
            spec=spec("corrupt_detect_job", "dataset", "corruption", "detector"),
        shell:
            "python {input.script:q} --frames {input.frames} --faces {input.faces}"
            " --output {output.faces} --timing {output.timing}"
            " --spec {params.spec:q} > {log} 2>&1"
            " || python {input.failed:q} --status $? --log {log} --kind faces"
            " --frames {input.frames} --upstream {input.faces}"
            " --output {output.faces} --timing {output.timing}"

    rule corrupt_predict:
        input:
            script=script("corrupt_predict"),
            failed=script("record_failure"),
            frames=layout.frames(),
            faces=layout.faces(),
            again=faces_again,
            trained=trained_of,
        output:
            predictions=layout.corrupted(),
            timing=timing_of(layout.corrupted()),
        log:
            layout.log(
                "corrupt_predict",
                "{dataset}",
                "{corruption}",
                "{mode}",
                "{detector}",
                "{model}",
            ),
        benchmark:
            layout.benchmark(
                "corrupt_predict",
                "{dataset}",
                "{corruption}",
                "{mode}",
                "{detector}",
                "{model}",
            )
        wildcard_constraints:
            dataset=WORKED,
            model=BY_FRAME,
        conda:
            env_of("model")
        threads: 1
        resources:
            mem_mb=memory(4000),
            runtime=runtime(120, per_gb=1200),
            gpu=gpus_of("model"),
        params:
            spec=spec("corrupt_predict_job", "dataset", "corruption", "detector", "model"),
        shell:
            "python {input.script:q} --frames {input.frames} --faces {input.faces}"
            " --again {input.again} --trained {input.trained} --output {output.predictions}"
            " --timing {output.timing} --spec {params.spec:q} > {log} 2>&1"
            " || python {input.failed:q} --status $? --log {log} --kind predictions"
            " --frames {input.frames} --upstream {input.faces} {input.again} {input.trained}"
            " --output {output.predictions} --timing {output.timing}"

    use rule gather_faces as gather_corrupted_faces with:
        input:
            script=script("gather"),
            shards=shards_of(layout.corrupted_faces("{shard}")),
            timings=shards_of(timing_of(layout.corrupted_faces("{shard}"))),
        output:
            table=layout.corrupted_faces(),
            timing=timing_of(layout.corrupted_faces()),
        log:
            layout.log("gather_corrupted_faces", "{dataset}", "{corruption}", "{detector}"),

    use rule gather_faces as gather_corrupted with:
        input:
            script=script("gather"),
            shards=shards_of(layout.corrupted("{shard}")),
            timings=shards_of(timing_of(layout.corrupted("{shard}"))),
        output:
            table=layout.corrupted(),
            timing=timing_of(layout.corrupted()),
        log:
            layout.log(
                "gather_corrupted",
                "{dataset}",
                "{corruption}",
                "{mode}",
                "{detector}",
                "{model}",
            ),

    rule score_corruption:
        input:
            script=script("score_corruption"),
            samples=layout.samples(),
            comparison=layout.comparison(),
            clean=lambda wildcards: plan.clean_files(wildcards.dataset, wildcards.corruption),
            worse=lambda wildcards: plan.corrupted_files(wildcards.dataset, wildcards.corruption),
        output:
            layout.robustness(),
        log:
            layout.log("score_corruption", "{dataset}", "{corruption}"),
        conda:
            "../../envs/core.yaml"
        threads: 1
        resources:
            mem_mb=memory(4000, 20, "worse"),
            runtime=runtime(120),
        params:
            spec=spec("score_corruption_job", "dataset", "corruption"),
        shell:
            "python {input.script:q} --samples {input.samples}"
            " --comparison {input.comparison} --clean {input.clean} --worse {input.worse}"
            " --output {output} --spec {params.spec:q} > {log} 2>&1"

    rule corruption_strip:
        input:
            script=script("corruption_strip"),
            frames=layout.frames(),
            faces=layout.faces("{dataset}", plan.strip_detector),
        output:
            layout.corruption_strip(),
        log:
            layout.log("corruption_strip", "{dataset}"),
        conda:
            "../../envs/core.yaml"
        threads: 1
        resources:
            mem_mb=memory(2000),
            runtime=runtime(60),
        params:
            spec=spec("corruption_strip_job", "dataset"),
        shell:
            "python {input.script:q} --frames {input.frames} --faces {input.faces}"
            " --output {output} --spec {params.spec:q} > {log} 2>&1"
