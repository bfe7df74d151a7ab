rule fit:
    input:
        script=script("fit"),
        failed=script("record_failure"),
        data=learnt_tables("data"),
        validation=learnt_tables("validation"),
        others=pictures_apart,
    output:
        weights=layout.training("weights.safetensors"),
        history=layout.training("log.csv"),
        fit=layout.training("fit.json"),
    log:
        layout.log("fit", "{training}"),
    benchmark:
        layout.benchmark("fit", "{training}")
    wildcard_constraints:
        training=ON_PICTURES,
    conda:
        "../../envs/torch.yaml"
    threads: training_threads
    resources:
        mem_mb=memory(4000),
        runtime=runtime(720, per_gb=720),
        gpu=training_gpus,
    params:
        spec=spec("fit_job", "training"),
    shell:
        "python {input.script:q} --data {input.data} --validation {input.validation}"
        " --others {input.others} --weights {output.weights} --history {output.history}"
        " --output {output.fit} --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind network"
        " --output {output.fit} --also {output.weights} {output.history}"


rule export:
    input:
        script=script("export_network"),
        failed=script("record_failure"),
        fit=layout.training("fit.json"),
        weights=layout.training("weights.safetensors"),
        validation=learnt_tables("validation"),
    output:
        network=layout.network(),
        card=layout.training("card.yaml"),
    log:
        layout.log("export", "{training}"),
    wildcard_constraints:
        training=ON_PICTURES,
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=runtime(60, per_gb=60),
    params:
        spec=spec("export_job", "training"),
    shell:
        "python {input.script:q} --fit {input.fit} --weights {input.weights}"
        " --validation {input.validation} --output {output.network} --card {output.card}"
        " --spec {params.spec:q} > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind network"
        " --upstream {input.fit} --output {output.network} --also {output}"


# Networks over time learn from what a model reads of each frame, or from the frames themselves.
use rule fit as fit_clips with:
    input:
        script=script("fit_clips"),
        failed=script("record_failure"),
        data=learnt_tables("data"),
        validation=learnt_tables("validation"),
        others=pictures_apart,
    wildcard_constraints:
        training=f"{OF_FEATURES}|{OF_FRAMES}",
    params:
        spec=spec("fit_clips_job", "training"),


use rule export as export_clips with:
    input:
        script=script("export_clips"),
        failed=script("record_failure"),
        fit=layout.training("fit.json"),
        weights=layout.training("weights.safetensors"),
        validation=learnt_tables("validation"),
    wildcard_constraints:
        training=OF_FEATURES,
    params:
        spec=spec("export_clips_job", "training"),


use rule export_clips as export_clips_of_frames with:
    output:
        network=layout.network(),
        card=layout.training("card.yaml"),
        frames=layout.training("frames.onnx"),
    wildcard_constraints:
        training=OF_FRAMES,


rule curves:
    input:
        script=script("curves"),
        failed=script("record_failure"),
        fit=layout.training("fit.json"),
    output:
        svg=layout.training("curves.svg"),
        png=layout.training("curves.png"),
    log:
        layout.log("curves", "{training}"),
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=runtime(30),
    params:
        spec=spec("curves_job", "training"),
    shell:
        "python {input.script:q} --fit {input.fit} --output {output} --spec {params.spec:q}"
        " > {log} 2>&1"
        " || python {input.failed:q} --status $? --log {log} --kind network"
        " --upstream {input.fit} --output {output.svg} --also {output.png}"
