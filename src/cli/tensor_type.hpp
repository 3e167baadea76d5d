// SPDX-License-Identifier: MIT
// ggml's tensor types by the number that a GGUF file holds.
#pragma once

#include <cstdint>
#include <string>

namespace rosenblatt::cli {

struct TensorType {
    std::string name;
    double bytes = 0;           ///< of one weight, scales included
    bool dequantisable = true;  ///< the backend can turn its rows into floats
};

inline TensorType tensor_type(uint32_t number) {
    switch (number) {
        case 0: return {"F32", 4, false};
        case 1: return {"F16", 2};
        case 2: return {"Q4_0", 18.0 / 32};
        case 3: return {"Q4_1", 20.0 / 32};
        case 6: return {"Q5_0", 22.0 / 32};
        case 7: return {"Q5_1", 24.0 / 32};
        case 8: return {"Q8_0", 34.0 / 32};
        case 10: return {"Q2_K", 84.0 / 256};
        case 11: return {"Q3_K", 110.0 / 256};
        case 12: return {"Q4_K", 144.0 / 256};
        case 13: return {"Q5_K", 176.0 / 256};
        case 14: return {"Q6_K", 210.0 / 256};
        case 20: return {"IQ4_NL", 18.0 / 32};
        case 23: return {"IQ4_XS", 136.0 / 256};
        case 24: return {"I8", 1, false};
        case 25: return {"I16", 2, false};
        case 26: return {"I32", 4, false};
        case 27: return {"I64", 8, false};
        case 28: return {"F64", 8, false};
        case 30: return {"BF16", 2};
        case 39: return {"MXFP4", 17.0 / 32};
        default: return {"type " + std::to_string(number), 0.5};
    }
}

}  // namespace rosenblatt::cli
