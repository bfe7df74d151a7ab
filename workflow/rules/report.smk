rule examples:
    input:
        script=script("examples"),
        samples=layout.samples(),
        frames=layout.frames(),
        faces=expand(
            layout.faces("{{dataset}}"),
            detector=plan.runnable_detectors,
        ),
        predictions=lambda wildcards: plan.cell_prediction_files(wildcards.dataset),
    output:
        layout.examples(),
    log:
        layout.log("examples", "{dataset}"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000, 20, "predictions"),
        runtime=runtime(60),
    params:
        spec=spec("examples_job", "dataset"),
    shell:
        "python {input.script:q} --samples {input.samples} --frames {input.frames}"
        " --faces {input.faces} --predictions {input.predictions}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"


rule overlaps:
    input:
        script=script("overlaps"),
        frames=layout.frames(),
        faces=expand(
            layout.faces("{{dataset}}"),
            detector=plan.runnable_detectors,
        ),
    output:
        layout.overlaps(),
    log:
        layout.log("overlaps", "{dataset}"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000, 20, "faces"),
        runtime=runtime(30),
    params:
        spec=spec("overlaps_job", "dataset"),
    shell:
        "python {input.script:q} --frames {input.frames} --faces {input.faces} --output {output}"
        " --spec {params.spec:q} > {log} 2>&1"


rule answers:
    input:
        script=script("answers"),
        samples=layout.samples(),
        frames=layout.frames(),
        predictions=lambda wildcards: plan.prediction_files(wildcards.dataset),
    output:
        layout.answers(),
    log:
        layout.log("answers", "{dataset}"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000, 20, "predictions"),
        runtime=runtime(60),
    params:
        spec=spec("answers_job", "dataset"),
    shell:
        "python {input.script:q} --samples {input.samples} --frames {input.frames}"
        " --predictions {input.predictions}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"


rule speed:
    input:
        script=script("speed"),
        scores=plan.score_files(),
        timings=plan.timing_files(),
        latencies=plan.latency_files(),
    output:
        report(layout.speed, caption="../report/speed.rst", category="Report"),
    log:
        layout.log("speed"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=runtime(30),
    params:
        spec=spec("speed_job"),
    shell:
        "python {input.script:q} --scores {input.scores} --timings {input.timings}"
        " --latencies {input.latencies}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"


rule figures:
    input:
        script=script("figures"),
        scores=plan.score_files(),
        comparisons=expand(layout.comparison(), dataset=plan.datasets("test")),
        examples=expand(layout.examples(), dataset=plan.datasets("test")),
        multiverse=plan.multiverse_files(),
        over_time=plan.over_time_files(),
        tracks=plan.track_score_files(),
        robustness=plan.robustness_files(),
        synchrony=plan.synchrony_files(),
    output:
        figure_outputs(),
    log:
        layout.log("figures"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(60),
    params:
        spec=spec("figures_job"),
        folder=subpath(output[0], parent=True),
    shell:
        "python {input.script:q} --scores {input.scores} --comparisons {input.comparisons}"
        " --examples {input.examples}"
        " --multiverse {input.multiverse} --over-time {input.over_time}"
        " --tracks {input.tracks} --robustness {input.robustness}"
        " --synchrony {input.synchrony} --output {params.folder} --spec {params.spec:q} > {log} 2>&1"


rule captions:
    input:
        script=script("captions"),
        captions=caption_files(),
    output:
        layout.captions,
    log:
        layout.log("captions"),
    localrule: True
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=runtime(30),
    params:
        spec=spec("captions_job"),
    shell:
        "python {input.script:q} --captions {input.captions:q} --output {output}"
        " --spec {params.spec:q} > {log} 2>&1"


rule manifest:
    input:
        script=script("manifest"),
        scores=plan.score_files(),
        timings=plan.timing_files(),
    output:
        layout.manifest,
    log:
        layout.log("manifest"),
    localrule: True
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=runtime(30),
    params:
        spec=spec("manifest_job"),
    shell:
        "python {input.script:q} --scores {input.scores} --timings {input.timings}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"


rule report:
    input:
        script=script("report"),
        scores=plan.score_files(),
        comparisons=expand(layout.comparison(), dataset=plan.datasets("test")),
        examples=expand(layout.examples(), dataset=plan.datasets("test")),
        overlaps=expand(layout.overlaps(), dataset=plan.datasets("test")),
        answers=expand(layout.answers(), dataset=plan.datasets("test")),
        multiverse=plan.multiverse_files(),
        over_time=plan.over_time_files(),
        tracks=plan.track_score_files(),
        signals=plan.signal_score_files(),
        robustness=plan.robustness_files(),
        strips=plan.strip_files(),
        saliency=plan.saliency_score_files(),
        explained=[
            path for dataset in plan.datasets("test") for path in plan.saliency_files(dataset)
        ],
        synchrony=plan.synchrony_files(),
        trained=expand(layout.training("card.yaml"), training=plan.trained_here),
        curves=expand(layout.training("curves.svg"), training=plan.trained_here),
        figures=rules.figures.output,
        manifest=layout.manifest,
        speed=layout.speed,
    output:
        report(layout.report, caption="../report/workflow.rst", category="Report"),
    log:
        layout.log("report"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(30),
    params:
        spec=spec("report_job"),
        figures=lambda wildcards, input: os.path.dirname(input.figures[0]),
    shell:
        "python {input.script:q} --scores {input.scores} --comparisons {input.comparisons}"
        " --examples {input.examples}"
        " --overlaps {input.overlaps} --answers {input.answers} --multiverse {input.multiverse}"
        " --over-time {input.over_time} --tracks {input.tracks} --signals {input.signals}"
        " --robustness {input.robustness} --strips {input.strips}"
        " --saliency {input.saliency} --explained {input.explained}"
        " --synchrony {input.synchrony} --trained {input.trained} --speed {input.speed}"
        " --figures {params.figures} --manifest {input.manifest} --output {output}"
        " --spec {params.spec:q} > {log} 2>&1"


# This rule is the last. It reads every cell's score, so that it can take back what failed.
rule check:
    input:
        script=script("check"),
        scores=plan.score_files()
        + plan.signal_score_files()
        + plan.robustness_files()
        + plan.saliency_score_files(),
        latencies=plan.latency_files(),
        tables=rules.tables.output,
        report=layout.report,
    output:
        layout.check,
    log:
        layout.log("check"),
    retries: 0  # a second attempt would find no failed cells, as the first cleared them away
    localrule: True
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=runtime(30),
    params:
        spec=code_spec("check"),
        failures=layout.failed,
    shell:
        "python {input.script:q} --scores {input.scores} --latencies {input.latencies}"
        " --failures {params.failures} --output {output} > {log} 2>&1"
