# A run with the section `tracking` follows the faces that its detectors find in clips.
if plan.config.tracking:

    rule tracks:
        input:
            script=script("tracks"),
            failed=script("record_failure"),
            frames=layout.frames(),
            detections=layout.detections(),
            detected=timing_of(layout.detections()),
        output:
            faces=layout.faces(),
            timing=timing_of(layout.faces()),
        log:
            layout.log("tracks", "{dataset}", "{detector}"),
        benchmark:
            layout.benchmark("tracks", "{dataset}", "{detector}")
        wildcard_constraints:
            dataset=WORKED,
        conda:
            "../../envs/onnx.yaml"
        threads: 1
        resources:
            mem_mb=memory(4000),
            runtime=runtime(60, per_gb=120),
        params:
            spec=spec("tracks_job", "dataset", "detector"),
        shell:
            "python {input.script:q} --frames {input.frames} --detections {input.detections}"
            " --detected {input.detected} --output {output.faces}"
            " --timing {output.timing} --spec {params.spec:q} > {log} 2>&1"
            " || python {input.failed:q} --status $? --log {log} --kind faces"
            " --frames {input.frames} --upstream {input.detections}"
            " --output {output.faces} --timing {output.timing}"

    # Of datasets that know who is seen; the plan asks for no others.
    rule score_tracks:
        input:
            script=script("score_tracks"),
            samples=layout.samples(),
            frames=layout.frames(),
            faces=layout.faces(),
        output:
            layout.track_score(),
        log:
            layout.log("score_tracks", "{dataset}", "{detector}"),
        conda:
            "../../envs/core.yaml"
        threads: 1
        resources:
            mem_mb=memory(2000, 20, "faces"),
            runtime=runtime(30),
        params:
            spec=spec("track_scores_job", "dataset", "detector"),
        shell:
            "python {input.script:q} --samples {input.samples} --frames {input.frames}"
            " --faces {input.faces} --output {output} --spec {params.spec:q} > {log} 2>&1"
