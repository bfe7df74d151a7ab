rule score:
    input:
        script=script("score"),
        samples=layout.samples(),
        frames=layout.frames(),
        predictions=cell_predictions,
        validation=held_out_predictions,
        groups=measured_groups,
    output:
        layout.score(),
    log:
        layout.log("score", "{dataset}", "{detector}", "{model}"),
    wildcard_constraints:
        detector=r"(?!(fusion|temporal)/)[a-z0-9_-]+",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000, 20, "predictions"),
        runtime=runtime(60),
    params:
        spec=spec("score_job", "dataset", "detector", "model"),
    shell:
        "python {input.script:q} --samples {input.samples} --frames {input.frames}"
        " --predictions {input.predictions}"
        " --validation {input.validation} --groups {input.groups}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"


use rule score as score_fusion with:
    input:
        script=script("score"),
        samples=layout.samples(),
        frames=layout.frames(),
        predictions=layout.fusion(),
        validation=held_out_predictions,
        groups=measured_groups,
    output:
        layout.fusion_score(),
    log:
        layout.log("score", "{dataset}", "fusion", "{fusion}"),
    params:
        spec=spec("fusion_score_job", "dataset", "fusion"),


rule compare:
    input:
        script=script("compare"),
        samples=layout.samples(),
        frames=layout.frames(),
        faces=expand(layout.faces("{{dataset}}"), detector=plan.runnable_detectors),
        predictions=lambda wildcards: plan.prediction_files(wildcards.dataset),
        validation=validation_predictions,
        groups=measured_groups,
    output:
        layout.comparison(),
    log:
        layout.log("compare", "{dataset}"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000, 20, "predictions"),
        runtime=runtime(120),
    params:
        spec=spec("compare_job", "dataset"),
    shell:
        "python {input.script:q} --samples {input.samples} --frames {input.frames}"
        " --faces {input.faces} --predictions {input.predictions}"
        " --validation {input.validation} --groups {input.groups}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"


rule multiverse:
    input:
        script=script("multiverse"),
        samples=layout.samples(),
        predictions=lambda wildcards: plan.prediction_files(wildcards.dataset),
    output:
        layout.multiverse(),
    log:
        layout.log("multiverse", "{dataset}"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000, 20, "predictions"),
        runtime=runtime(60),
    params:
        spec=spec("multiverse_job", "dataset"),
    shell:
        "python {input.script:q} --samples {input.samples} --predictions {input.predictions}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"


rule tables:
    input:
        script=script("tables"),
        scores=plan.score_files(),
        comparisons=expand(layout.comparison(), dataset=plan.datasets("test")),
        timings=plan.timing_files(),
        latencies=plan.latency_files(),
        multiverse=plan.multiverse_files(),
        over_time=plan.over_time_files(),
        overlaps=expand(layout.overlaps(), dataset=plan.datasets("test")),
        tracks=plan.track_score_files(),
        signals=plan.signal_score_files(),
        robustness=plan.robustness_files(),
        saliency=plan.saliency_score_files(),
        synchrony=plan.synchrony_files(),
    output:
        table_outputs(),
    log:
        layout.log("tables"),
    localrule: True
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(30),
    params:
        spec=spec("tables_job"),
        folder=subpath(output[0], parent=True),
    shell:
        "python {input.script:q} --scores {input.scores} --comparisons {input.comparisons}"
        " --timings {input.timings}"
        " --latencies {input.latencies} --multiverse {input.multiverse}"
        " --over-time {input.over_time} --tracks {input.tracks} --signals {input.signals}"
        " --overlaps {input.overlaps} --robustness {input.robustness}"
        " --saliency {input.saliency} --synchrony {input.synchrony}"
        " --output {params.folder} --spec {params.spec:q} > {log} 2>&1"
