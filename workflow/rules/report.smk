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
        mem_mb=2000,
    params:
        spec=spec("examples_spec", "dataset"),
    shell:
        "python {input.script} --samples {input.samples} --frames {input.frames} --faces {input.faces} --predictions {input.predictions}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"


rule figures:
    input:
        script=script("figures"),
        scores=plan.score_files(),
        comparisons=expand(f"{R}/comparisons/{{dataset}}.json", dataset=plan.datasets("test")),
        examples=expand(f"{R}/examples/{{dataset}}.parquet", dataset=plan.datasets("test")),
    output:
        figure_outputs(),
    log:
        f"{R}/logs/figures.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        spec=plan.aggregate_spec("figures"),
        folder=subpath(output[0], parent=True),
    shell:
        "python {input.script} --scores {input.scores} --comparisons {input.comparisons} --examples {input.examples}"
        " --output {params.folder} --spec {params.spec:q} > {log} 2>&1"


rule manifest:
    input:
        script=script("manifest"),
        scores=plan.score_files(),
    output:
        f"{R}/manifest.json",
    log:
        f"{R}/logs/manifest.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        spec=plan.aggregate_spec("manifest"),
    shell:
        "python {input.script} --scores {input.scores} --output {output} --spec {params.spec:q} > {log} 2>&1"


rule report:
    input:
        script=script("report"),
        scores=plan.score_files(),
        comparisons=expand(f"{R}/comparisons/{{dataset}}.json", dataset=plan.datasets("test")),
        examples=expand(f"{R}/examples/{{dataset}}.parquet", dataset=plan.datasets("test")),
        figures=rules.figures.output,
        manifest=f"{R}/manifest.json",
    output:
        report(f"{R}/report.html", caption="../report/workflow.rst", category="Report"),
    log:
        f"{R}/logs/report.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        spec=plan.aggregate_spec("report"),
        figures=lambda wildcards, input: os.path.dirname(input.figures[0]),
    shell:
        "python {input.script} --scores {input.scores} --comparisons {input.comparisons} --examples {input.examples}"
        " --figures {params.figures} --manifest {input.manifest} --output {output} --spec {params.spec:q} > {log} 2>&1"


# The last rule: what it reads first of all is every cell's score, so that it can take back what failed.
rule check:
    input:
        script=script("check"),
        scores=plan.score_files(),
        tables=rules.tables.output,
        report=f"{R}/report.html",
    output:
        f"{R}/check.ok",
    log:
        f"{R}/logs/check.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    shell:
        "python {input.script} --scores {input.scores} --output {output} > {log} 2>&1"
