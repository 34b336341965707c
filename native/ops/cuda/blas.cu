// The five functions of cuBLAS that a dense linear needs, looked up by name (cuBLAS 13's
// cublas_api.h gives their signatures and the values of the enumerations).
#include <dlfcn.h>

#include "ops/cuda/blas.cuh"

namespace loadmark::ops::cuda {
namespace {

constexpr int kOpN = 0, kOpT = 1;
constexpr int kCompute32F = 68;
constexpr int kAlgorithmDefault = -1;

struct Blas {
  int (*create)(void**) = nullptr;
  int (*destroy)(void*) = nullptr;
  int (*set_stream)(void*, cudaStream_t) = nullptr;
  int (*set_workspace)(void*, void*, size_t) = nullptr;
  int (*gemm)(void*, int, int, int, int, int, const void*, const void*, cudaDataType, int,
              const void*, cudaDataType, int, const void*, void*, cudaDataType, int, int,
              int) = nullptr;
  bool found = false;
};

void* open_library() {
  for (const char* name : {"libcublas.so.13", "libcublas.so.12", "libcublas.so",
                           "/usr/local/cuda/lib64/libcublas.so"}) {
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
  }
  return nullptr;
}

const Blas& blas() {
  static const Blas functions = [] {
    Blas found;
    void* library = open_library();
    if (library == nullptr) return found;
    const auto look_up = [&](auto* function, const char* name) {
      *function = reinterpret_cast<std::remove_pointer_t<decltype(function)>>(dlsym(library, name));
      return *function != nullptr;
    };
    found.found = look_up(&found.create, "cublasCreate_v2") &&
                  look_up(&found.destroy, "cublasDestroy_v2") &&
                  look_up(&found.set_stream, "cublasSetStream_v2") &&
                  look_up(&found.set_workspace, "cublasSetWorkspace_v2") &&
                  look_up(&found.gemm, "cublasGemmEx");
    return found;
  }();
  return functions;
}

void check_blas(int status, const char* what) {
  if (status != 0) {
    throw Error(kEngineBroken,
                std::string(what) + " failed with cublasStatus_t " + std::to_string(status));
  }
}

}  // namespace

void* make_blas(Stream stream, void* workspace, size_t workspace_bytes) {
  void* handle = nullptr;
  if (!blas().found || blas().create(&handle) != 0) return nullptr;
  try {
    check_blas(blas().set_stream(handle, stream), "cublasSetStream");
    check_blas(blas().set_workspace(handle, workspace, workspace_bytes), "cublasSetWorkspace");
  } catch (...) {
    end_blas(handle);
    throw;
  }
  return handle;
}

void end_blas(void* handle) noexcept { blas().destroy(handle); }

void blas_linear(const Gpu& gpu, Activation activation, const void* w, int64_t n, int64_t k,
                 const void* x, int64_t rows, Epilogue epilogue, void* y) {
  const cudaDataType type = activation == Activation::kFloat16 ? CUDA_R_16F : CUDA_R_16BF;
  const float one = 1, before = epilogue == Epilogue::kAddFloat ? 1.0f : 0.0f;
  const int rows32 = static_cast<int>(rows), n32 = static_cast<int>(n), k32 = static_cast<int>(k);
  gpu.settle_for_shape(n, k, rows);
  gpu.begin_kernel("cublasGemmEx");
  check_blas(blas().gemm(gpu.blas(), kOpT, kOpN, n32, rows32, k32, &one, w, type, k32, x, type, k32,
                         &before, y, epilogue == Epilogue::kStore ? type : CUDA_R_32F, n32,
                         kCompute32F, kAlgorithmDefault),
             "cublasGemmEx");
  gpu.end_kernel();
}

}  // namespace loadmark::ops::cuda
