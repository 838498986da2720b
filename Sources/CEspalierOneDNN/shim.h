// oneDNN, for the matrix product. Works with the 2.x and the 3.x C API.
#pragma once
#include <oneapi/dnnl/dnnl.h>
