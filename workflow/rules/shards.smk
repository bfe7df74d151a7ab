# A dataset with `shards: N` goes through frames, detect and predict in N parts, named dataset@0ofN …, which are then joined.
rule shard:
    input:
        script=script("shard"),
        samples=f"{R}/samples/{{dataset}}.parquet",
    output:
        f"{R}/samples/{{dataset}}@{{number}}of{{shards}}.parquet",
    log:
        f"{R}/logs/shard/{{dataset}}@{{number}}of{{shards}}.log",
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
        spec=spec("shard_spec", "number", "shards"),
    shell:
        "python {input.script:q} --samples {input.samples} --output {output} --spec {params.spec:q} > {log} 2>&1"


rule gather_frames:
    input:
        script=script("gather_frames"),
        shards=shards_of(f"{R}/frames/{{shard}}.parquet"),
    output:
        f"{R}/frames/{{dataset}}.parquet",
    log:
        f"{R}/logs/gather_frames/{{dataset}}.log",
    wildcard_constraints:
        dataset=GATHERED,
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(30),
    params:
        spec=plan.code_spec("gather_frames"),
    shell:
        "python {input.script:q} --shards {input.shards} --output {output} > {log} 2>&1"


rule gather_faces:
    input:
        script=script("gather"),
        shards=shards_of(f"{R}/faces/{{shard}}/{{detector}}.parquet"),
        timings=shards_of(f"{R}/faces/{{shard}}/{{detector}}.timing.json"),
    output:
        table=f"{R}/faces/{{dataset}}/{{detector}}.parquet",
        timing=f"{R}/faces/{{dataset}}/{{detector}}.timing.json",
    log:
        f"{R}/logs/gather_faces/{{dataset}}/{{detector}}.log",
    wildcard_constraints:
        dataset=GATHERED,
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(60),
    params:
        spec=plan.code_spec("gather"),
    shell:
        "python {input.script:q} --shards {input.shards} --timings {input.timings} --output {output.table} --timing {output.timing} > {log} 2>&1"


use rule gather_faces as gather_predictions with:
    input:
        script=script("gather"),
        shards=shards_of(f"{R}/predictions/{{shard}}/{{detector}}/{{model}}.parquet"),
        timings=shards_of(f"{R}/predictions/{{shard}}/{{detector}}/{{model}}.timing.json"),
    output:
        table=f"{R}/predictions/{{dataset}}/{{detector}}/{{model}}.parquet",
        timing=f"{R}/predictions/{{dataset}}/{{detector}}/{{model}}.timing.json",
    log:
        f"{R}/logs/gather_predictions/{{dataset}}/{{detector}}/{{model}}.log",
