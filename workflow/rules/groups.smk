# A run with the section `groups` divides samples by what it measures of their faces.
rule groups:
    input:
        script=script("groups"),
        samples=layout.samples(),
        frames=layout.frames(),
        faces=lambda wildcards: plan.group_inputs(wildcards.dataset)[0],
        signals=lambda wildcards: plan.group_inputs(wildcards.dataset)[1],
    output:
        layout.groups(),
    log:
        layout.log("groups", "{dataset}"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000, 20, "faces"),
        runtime=runtime(60),
    params:
        spec=spec("groups_job", "dataset"),
    shell:
        "python {input.script:q} --samples {input.samples} --frames {input.frames}"
        " --faces {input.faces} --signals {input.signals}"
        " --output {output} --spec {params.spec:q} > {log} 2>&1"
