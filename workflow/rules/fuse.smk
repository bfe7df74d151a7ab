rule fuse:
    input:
        script=script("fuse"),
        failed=script("record_failure"),
        members=votes_of("members"),
        faces=votes_of("faces"),
        frames=votes_of("frames"),
        samples=votes_of("samples"),
        validation_members=votes_of("members", validation=True),
        validation_faces=votes_of("faces", validation=True),
        validation_frames=votes_of("frames", validation=True),
        validation_samples=votes_of("samples", validation=True),
    output:
        layout.fusion(),
    log:
        layout.log("fuse", "{dataset}", "{fusion}"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000, 20, "members"),
        runtime=runtime(60),
    params:
        spec=spec("fuse_job", "dataset", "fusion"),
    shell:
        "python {input.script:q} --members {input.members} --faces {input.faces}"
        " --frames {input.frames} --samples {input.samples}"
        " --validation-members {input.validation_members}"
        " --validation-faces {input.validation_faces}"
        " --validation-frames {input.validation_frames}"
        " --validation-samples {input.validation_samples}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind predictions"
        " --frames {input.frames}"
        " --upstream {input.members} {input.validation_members} --output {output}"
