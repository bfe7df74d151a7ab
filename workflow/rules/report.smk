rule examples:
    input:
        script=script("examples"),
        samples=f"{R}/samples/{{dataset}}.parquet",
        frames=f"{R}/frames/{{dataset}}.parquet",
        faces=expand(
            f"{R}/faces/{{{{dataset}}}}/{{detector}}.parquet",
            detector=plan.runnable_detectors,
        ),
        predictions=lambda wildcards: plan.cell_prediction_files(wildcards.dataset),
    output:
        f"{R}/examples/{{dataset}}.parquet",
    log:
        f"{R}/logs/examples/{{dataset}}.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000, 20, "predictions"),
        runtime=runtime(60),
    params:
        spec=spec("examples_spec", "dataset"),
    shell:
        "python {input.script:q} --samples {input.samples} --frames {input.frames} --faces {input.faces} --predictions {input.predictions}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"


rule overlaps:
    input:
        script=script("overlaps"),
        frames=f"{R}/frames/{{dataset}}.parquet",
        faces=expand(
            f"{R}/faces/{{{{dataset}}}}/{{detector}}.parquet",
            detector=plan.runnable_detectors,
        ),
    output:
        f"{R}/overlaps/{{dataset}}.json",
    log:
        f"{R}/logs/overlaps/{{dataset}}.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000, 20, "faces"),
        runtime=runtime(30),
    params:
        spec=spec("overlaps_spec", "dataset"),
    shell:
        "python {input.script:q} --frames {input.frames} --faces {input.faces} --output {output} --spec {params.spec:q} > {log} 2>&1"


rule answers:
    input:
        script=script("answers"),
        samples=f"{R}/samples/{{dataset}}.parquet",
        frames=f"{R}/frames/{{dataset}}.parquet",
        predictions=lambda wildcards: plan.prediction_files(wildcards.dataset),
    output:
        f"{R}/answers/{{dataset}}.json",
    log:
        f"{R}/logs/answers/{{dataset}}.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000, 20, "predictions"),
        runtime=runtime(60),
    params:
        spec=spec("answers_spec", "dataset"),
    shell:
        "python {input.script:q} --samples {input.samples} --frames {input.frames} --predictions {input.predictions}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"


rule speed:
    input:
        script=script("speed"),
        scores=plan.score_files(),
        timings=plan.timing_files(),
        latencies=plan.latency_files(),
    output:
        report(f"{R}/speed.html", caption="../report/speed.rst", category="Report"),
    log:
        f"{R}/logs/speed.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=runtime(30),
    params:
        spec=plan.speed_spec(),
    shell:
        "python {input.script:q} --scores {input.scores} --timings {input.timings} --latencies {input.latencies}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"


rule figures:
    input:
        script=script("figures"),
        scores=plan.score_files(),
        comparisons=expand(f"{R}/comparisons/{{dataset}}.json", dataset=plan.datasets("test")),
        examples=expand(f"{R}/examples/{{dataset}}.parquet", dataset=plan.datasets("test")),
        multiverse=plan.multiverse_files(),
    output:
        figure_outputs(),
    log:
        f"{R}/logs/figures.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(60),
    params:
        spec=plan.figures_spec(),
        folder=subpath(output[0], parent=True),
    shell:
        "python {input.script:q} --scores {input.scores} --comparisons {input.comparisons} --examples {input.examples}"
        " --multiverse {input.multiverse} --output {params.folder} --spec {params.spec:q} > {log} 2>&1"


rule captions:
    input:
        script=script("captions"),
        captions=caption_files(),
    output:
        f"{R}/figures/captions.md",
    log:
        f"{R}/logs/captions.log",
    localrule: True
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=runtime(30),
    params:
        spec=plan.captions_spec(),
    shell:
        "python {input.script:q} --captions {input.captions:q} --output {output} --spec {params.spec:q} > {log} 2>&1"


rule manifest:
    input:
        script=script("manifest"),
        scores=plan.score_files(),
        timings=plan.timing_files(),
    output:
        f"{R}/manifest.json",
    log:
        f"{R}/logs/manifest.log",
    localrule: True
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=runtime(30),
    params:
        spec=plan.manifest_spec(),
    shell:
        "python {input.script:q} --scores {input.scores} --timings {input.timings} --output {output} --spec {params.spec:q} > {log} 2>&1"


rule report:
    input:
        script=script("report"),
        scores=plan.score_files(),
        comparisons=expand(f"{R}/comparisons/{{dataset}}.json", dataset=plan.datasets("test")),
        examples=expand(f"{R}/examples/{{dataset}}.parquet", dataset=plan.datasets("test")),
        overlaps=expand(f"{R}/overlaps/{{dataset}}.json", dataset=plan.datasets("test")),
        answers=expand(f"{R}/answers/{{dataset}}.json", dataset=plan.datasets("test")),
        multiverse=plan.multiverse_files(),
        figures=rules.figures.output,
        manifest=f"{R}/manifest.json",
        speed=f"{R}/speed.html",
    output:
        report(f"{R}/report.html", caption="../report/workflow.rst", category="Report"),
    log:
        f"{R}/logs/report.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(30),
    params:
        spec=plan.report_spec(),
        figures=lambda wildcards, input: os.path.dirname(input.figures[0]),
    shell:
        "python {input.script:q} --scores {input.scores} --comparisons {input.comparisons} --examples {input.examples}"
        " --overlaps {input.overlaps} --answers {input.answers} --multiverse {input.multiverse} --speed {input.speed}"
        " --figures {params.figures} --manifest {input.manifest} --output {output} --spec {params.spec:q} > {log} 2>&1"


# The last rule: what it reads first of all is every cell's score, so that it can take back what failed.
rule check:
    input:
        script=script("check"),
        scores=plan.score_files(),
        latencies=plan.latency_files(),
        tables=rules.tables.output,
        report=f"{R}/report.html",
    output:
        f"{R}/check.ok",
    log:
        f"{R}/logs/check.log",
    retries: 0  # a second attempt would find the failed cells cleared away
    localrule: True
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=runtime(30),
    params:
        spec=plan.code_spec("check"),
    shell:
        "python {input.script:q} --scores {input.scores} --latencies {input.latencies} --output {output} > {log} 2>&1"
