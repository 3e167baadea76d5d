# SPDX-License-Identifier: MIT
# Several clients at once: a loaded llama-server, a draft beside its main model, RPC servers. Loopback only. The long form
# of the first: tests/host/clients/server_load.py --seconds 600 ...
set(clients ${CMAKE_CURRENT_LIST_DIR})
set(who --llama-bin ${ROSENBLATT_LLAMA_BIN} --backend $<TARGET_FILE:ggml-rocket>)
rosenblatt_command_test(clients.a_loaded_server_answers_as_alone LABEL host TIMEOUT 900
    COMMAND ${Python3_EXECUTABLE} -B ${clients}/server_load.py ${who} --seconds 10 --requests 5)
rosenblatt_command_test(clients.a_loaded_server_on_a_faulty_npu_answers_as_alone LABEL host TIMEOUT 900
    COMMAND ${Python3_EXECUTABLE} -B ${clients}/server_load.py ${who} --seconds 10 --requests 5 --seed 2
            --fault "flip:job=40,bit=5$<SEMICOLON>drop:job=90$<SEMICOLON>stale:job=140$<SEMICOLON>hang:job=200")
rosenblatt_command_test(clients.a_draft_model_beside_its_main_model LABEL host TIMEOUT 900
    COMMAND ${Python3_EXECUTABLE} -B ${clients}/speculative_test.py ${who})
rosenblatt_command_test(clients.two_rpc_servers_and_one_is_killed LABEL host TIMEOUT 900
    COMMAND ${Python3_EXECUTABLE} -B ${clients}/rpc_test.py ${who})
