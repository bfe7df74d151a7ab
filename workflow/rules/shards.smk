# A dataset with `shards: N` goes through frames, detect and predict in N parts, named
# dataset@0ofN …; the gather rules then join them.
rule shard:
    input:
        script=script("shard"),
        samples=layout.samples(),
    output:
        layout.samples("{dataset}@{number}of{shards}"),
    log:
        layout.log("shard", "{dataset}@{number}of{shards}"),
    wildcard_constraints:
        dataset=GATHERED,
        number=r"\d+",
        shards=r"\d+",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(30),
    params:
        spec=spec("shard_job", "number", "shards"),
    shell:
        "python {input.script:q} --samples {input.samples} --output {output}"
        " --spec {params.spec:q} > {log} 2>&1"


rule gather_frames:
    input:
        script=script("gather_media"),
        shards=shards_of(layout.frames("{shard}")),
    output:
        layout.frames(),
    log:
        layout.log("gather_frames", "{dataset}"),
    wildcard_constraints:
        dataset=GATHERED,
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(30),
    params:
        spec=code_spec("gather_media"),
    shell:
        "python {input.script:q} --shards {input.shards} --output {output} > {log} 2>&1"


use rule gather_frames as gather_audio with:
    input:
        script=script("gather_media"),
        shards=shards_of(layout.audio("{shard}")),
    output:
        layout.audio(),
    log:
        layout.log("gather_audio", "{dataset}"),


rule gather_faces:
    input:
        script=script("gather"),
        shards=shards_of(layout.faces("{shard}")),
        timings=shards_of(timing_of(layout.faces("{shard}"))),
    output:
        table=layout.faces(),
        timing=timing_of(layout.faces()),
    log:
        layout.log("gather_faces", "{dataset}", "{detector}"),
    wildcard_constraints:
        dataset=GATHERED,
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(60),
    params:
        spec=code_spec("gather"),
    shell:
        "python {input.script:q} --shards {input.shards} --timings {input.timings}"
        " --output {output.table} --timing {output.timing} > {log} 2>&1"


use rule gather_faces as gather_predictions with:
    input:
        script=script("gather"),
        shards=shards_of(layout.predictions("{shard}")),
        timings=shards_of(timing_of(layout.predictions("{shard}"))),
    output:
        table=layout.predictions(),
        timing=timing_of(layout.predictions()),
    log:
        layout.log("gather_predictions", "{dataset}", "{detector}", "{model}"),


use rule gather_faces as gather_features with:
    input:
        script=script("gather"),
        shards=shards_of(layout.features("{shard}")),
        timings=shards_of(timing_of(layout.features("{shard}"))),
    output:
        table=layout.features(),
        timing=timing_of(layout.features()),
    log:
        layout.log("gather_features", "{dataset}", "{detector}", "{model}"),
