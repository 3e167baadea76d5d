# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: MIT
# The teflon verb: unmodified Mesa Teflon runs convolutions in the guest, through the real driver, on our device;
# TensorFlow Lite on the guest's CPU computes the same. Source it after common.sh, guest.sh and lib/teflon.sh.

teflon_count=6

# Each model twice, on the CPU and through the delegate. Outputs come out as text.
teflon_guest() {
    local folder name
    guest_new teflon
    guest_add "$teflon_runner" bin
    guest_add "$teflon_delegate" lib
    guest_add_libraries "$teflon_libraries" "$teflon_runner" "$teflon_delegate"
    for folder in "$1"/*; do
        name=$(basename "$folder")
        guest_add "$folder/model.tflite" "models/$name"
        guest_add "$folder/input0.bin" "models/$name"
    done
    guest_job <<'END'
status=0
for name in $(ls /models); do
    cd "/models/$name"
    if run_model model.tflite input0.bin "/tmp/$name.cpu" >/tmp/log 2>&1 &&
        run_model model.tflite input0.bin "/tmp/$name.npu" /lib/libteflon.so >>/tmp/log 2>&1; then
        for side in cpu npu; do
            base64 "/tmp/$name.$side" >"/tmp/$name.$side.64"
            show "/tmp/$name.$side.64"
        done
    else
        status=1
    fi
    show /tmp/log
done
sh -c "exit $status"
END
}

verb_teflon() {
    local models=$root/build/lab/teflon-models folder name failed=0
    teflon_models "$models" "$teflon_count" 1
    teflon_guest "$models"
    guest_run 600 || die "a model did not run; see $guest_log"
    require_three_cores
    for folder in "$models"/*; do
        name=$(basename "$folder")
        guest_bytes "$name.cpu" >"$folder/output_cpu0.bin"
        guest_bytes "$name.npu" >"$folder/output_npu0.bin"
        teflon_compare "$folder" || failed=1
    done
    require_tasks "$teflon_count"
    [ $failed = 0 ] || die "Teflon and TensorFlow Lite differ by more than one code"
}
