rule fuse:
    input:
        script=script("fuse"),
        members=members_of,
        faces=member_faces,
        frames=f"{R}/frames/{{dataset}}.parquet",
    output:
        f"{R}/fusion/{{dataset}}/{{fusion}}.parquet",
    log:
        f"{R}/logs/fuse/{{dataset}}/{{fusion}}.log",
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=4000,
    params:
        spec=spec("fuse_spec", "dataset", "fusion"),
    shell:
        "python {input.script} --members {input.members} --faces {input.faces} --frames {input.frames} --output {output}"
        " --spec {params.spec:q} > {log} 2>&1"
