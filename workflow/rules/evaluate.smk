rule score:
    input:
        script=script("score"),
        samples=f"{R}/samples/{{dataset}}.parquet",
        frames=f"{R}/frames/{{dataset}}.parquet",
        predictions=cell_predictions,
        validation=held_out_predictions,
    output:
        f"{R}/scores/{{dataset}}/{{detector}}/{{model}}.json",
    log:
        f"{R}/logs/score/{{dataset}}/{{detector}}/{{model}}.log",
    wildcard_constraints:
        detector=r"(?!fusion/)[a-z0-9_-]+",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000, 20, "predictions"),
        runtime=runtime(60),
    params:
        spec=spec("score_spec", "dataset", "detector", "model"),
    shell:
        "python {input.script:q} --samples {input.samples} --frames {input.frames} --predictions {input.predictions}"
        " --validation {input.validation} --output {output} --spec {params.spec:q} > {log} 2>&1"


rule score_fusion:
    input:
        script=script("score"),
        samples=f"{R}/samples/{{dataset}}.parquet",
        frames=f"{R}/frames/{{dataset}}.parquet",
        predictions=f"{R}/fusion/{{dataset}}/{{fusion}}.parquet",
        validation=held_out_predictions,
    output:
        f"{R}/scores/{{dataset}}/fusion/{{fusion}}.json",
    log:
        f"{R}/logs/score/{{dataset}}/fusion/{{fusion}}.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000, 20, "predictions"),
        runtime=runtime(60),
    params:
        spec=spec("fusion_score_spec", "dataset", "fusion"),
    shell:
        "python {input.script:q} --samples {input.samples} --frames {input.frames} --predictions {input.predictions}"
        " --validation {input.validation} --output {output} --spec {params.spec:q} > {log} 2>&1"


rule compare:
    input:
        script=script("compare"),
        samples=f"{R}/samples/{{dataset}}.parquet",
        predictions=lambda wildcards: plan.prediction_files(wildcards.dataset),
        validation=validation_predictions,
    output:
        f"{R}/comparisons/{{dataset}}.json",
    log:
        f"{R}/logs/compare/{{dataset}}.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000, 20, "predictions"),
        runtime=runtime(120),
    params:
        spec=spec("compare_spec", "dataset"),
    shell:
        "python {input.script:q} --samples {input.samples} --predictions {input.predictions} --validation {input.validation}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"


rule multiverse:
    input:
        script=script("multiverse"),
        samples=f"{R}/samples/{{dataset}}.parquet",
        predictions=lambda wildcards: plan.prediction_files(wildcards.dataset),
    output:
        f"{R}/multiverse/{{dataset}}.json",
    log:
        f"{R}/logs/multiverse/{{dataset}}.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000, 20, "predictions"),
        runtime=runtime(60),
    params:
        spec=spec("multiverse_spec", "dataset"),
    shell:
        "python {input.script:q} --samples {input.samples} --predictions {input.predictions}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"


rule tables:
    input:
        script=script("tables"),
        scores=plan.score_files(),
        comparisons=expand(f"{R}/comparisons/{{dataset}}.json", dataset=plan.datasets("test")),
        timings=plan.timing_files(),
        latencies=plan.latency_files(),
        multiverse=plan.multiverse_files(),
    output:
        table_outputs(),
    log:
        f"{R}/logs/tables.log",
    localrule: True
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(30),
    params:
        spec=plan.tables_spec(),
        folder=subpath(output[0], parent=True),
    shell:
        "python {input.script:q} --scores {input.scores} --comparisons {input.comparisons} --timings {input.timings}"
        " --latencies {input.latencies} --multiverse {input.multiverse} --output {params.folder} --spec {params.spec:q} > {log} 2>&1"
