# The voice: segmenters find speech in the sound of clips, speech models read it. Their predictions
# have a row for every frame, so that what scores and joins faces scores and joins voices, too.
rule segment:
    input:
        script=script("segment"),
        failed=script("record_failure"),
        audio=layout.audio(),
    output:
        segments=layout.segments(),
        timing=timing_of(layout.segments()),
    log:
        layout.log("segment", "{dataset}", "{segmenter}"),
    benchmark:
        layout.benchmark("segment", "{dataset}", "{segmenter}")
    wildcard_constraints:
        dataset=WORKED,
    conda:
        env_of("segmenter")
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(60, per_gb=120),
        gpu=gpus_of("segmenter"),
    params:
        spec=spec("segment_job", "dataset", "segmenter"),
    shell:
        "python {input.script:q} --audio {input.audio} --output {output.segments}"
        " --timing {output.timing} --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind segments"
        " --frames {input.audio} --output {output.segments} --timing {output.timing}"


use rule gather_faces as gather_segments with:
    input:
        script=script("gather"),
        shards=shards_of(layout.segments("{shard}")),
        timings=shards_of(timing_of(layout.segments("{shard}"))),
    output:
        table=layout.segments(),
        timing=timing_of(layout.segments()),
    log:
        layout.log("gather_segments", "{dataset}", "{segmenter}"),


rule train_speech:
    input:
        script=script("train_speech"),
        failed=script("record_failure"),
        samples=training_file("samples"),
        audio=training_file("audio"),
        segments=training_file("segments"),
    output:
        layout.trained("{segmenter}", "{speech_model}"),
    log:
        layout.log("train_speech", "{segmenter}", "{speech_model}"),
    conda:
        env_of("speech_model")
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=runtime(60, per_gb=120),
        gpu=gpus_of("speech_model"),
    params:
        spec=spec("train_speech_job", "segmenter", "speech_model"),
    shell:
        "python {input.script:q} --samples {input.samples} --audio {input.audio}"
        " --segments {input.segments} --output {output}"
        " --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind trained"
        " --upstream {input.segments} --output {output}"


rule hear:
    input:
        script=script("hear"),
        failed=script("record_failure"),
        audio=layout.audio(),
        segments=layout.segments(),
        trained=trained_speech_of,
    output:
        speech=layout.speech(),
        timing=timing_of(layout.speech()),
    log:
        layout.log("hear", "{dataset}", "{segmenter}", "{speech_model}"),
    benchmark:
        layout.benchmark("hear", "{dataset}", "{segmenter}", "{speech_model}")
    wildcard_constraints:
        dataset=WORKED,
    conda:
        env_of("speech_model")
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=runtime(60, per_gb=120),
        gpu=gpus_of("speech_model"),
    params:
        spec=spec("hear_job", "dataset", "segmenter", "speech_model"),
    shell:
        "python {input.script:q} --audio {input.audio} --segments {input.segments}"
        " --trained {input.trained} --output {output.speech} --timing {output.timing}"
        " --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind speech"
        " --frames {input.audio} --upstream {input.segments} {input.trained}"
        " --output {output.speech} --timing {output.timing}"


use rule gather_faces as gather_speech with:
    input:
        script=script("gather"),
        shards=shards_of(layout.speech("{shard}")),
        timings=shards_of(timing_of(layout.speech("{shard}"))),
    output:
        table=layout.speech(),
        timing=timing_of(layout.speech()),
    log:
        layout.log("gather_speech", "{dataset}", "{segmenter}", "{speech_model}"),


rule speech_at_frames:
    input:
        script=script("speech_at_frames"),
        failed=script("record_failure"),
        frames=layout.frames(),
        speech=layout.speech(),
        timing=timing_of(layout.speech()),
    output:
        predictions=layout.predictions("{dataset}", "{segmenter}", "{speech_model}"),
        timing=timing_of(layout.predictions("{dataset}", "{segmenter}", "{speech_model}")),
    log:
        layout.log("speech_at_frames", "{dataset}", "{segmenter}", "{speech_model}"),
    wildcard_constraints:
        dataset=WORKED,
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(60),
    params:
        spec=code_spec("speech_at_frames"),
    shell:
        "python {input.script:q} --frames {input.frames} --speech {input.speech}"
        " --speech-timing {input.timing} --output {output.predictions}"
        " --timing {output.timing} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind predictions"
        " --frames {input.frames} --upstream {input.speech}"
        " --output {output.predictions} --timing {output.timing}"


# Of clips with a voice whose lips a signal measures; the plan asks for no others.
rule score_synchrony:
    input:
        script=script("score_synchrony"),
        samples=layout.samples(),
        frames=layout.frames(),
        faces=layout.faces(),
        signals=layout.signals(),
        audio=layout.audio(),
    output:
        layout.synchrony(),
    log:
        layout.log("score_synchrony", "{dataset}", "{detector}", "{signal}"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(60, per_gb=60),
    params:
        spec=spec("synchrony_job", "dataset", "detector", "signal"),
    shell:
        "python {input.script:q} --samples {input.samples} --frames {input.frames}"
        " --faces {input.faces} --signals {input.signals} --audio {input.audio}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"
