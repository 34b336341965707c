// Which kernel computes a linear, and what its input must be brought to first.
#include "ops/cuda/blas.cuh"
#include "ops/cuda/dense_linear.cuh"
#include "ops/cuda/device/ptx.cuh"
#include "ops/cuda/int4_linear.cuh"

namespace loadmark::ops::cuda {
namespace {

// Rows up to which every block of a streaming kernel normalises the residual stream for itself.
constexpr int64_t kMostNormalisedRows = 2;

__global__ void gather_columns_kernel(const uint16_t* x, const int32_t* order, int64_t k,
                                      int64_t columns, uint16_t* y) {
  launch_dependents();
  wait_for_prerequisites();
  const int64_t row = blockIdx.y;
  const int64_t column = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const int32_t source = order[column];
  y[row * columns + column] = source < 0 ? uint16_t{0} : x[row * k + source];
}

// x where it is 16-bit already, or after normalising into the scratch memory that x then is.
const void* rows_of(const Gpu& gpu, Activation activation, const LinearInput& input, int64_t rows,
                    int64_t k) {
  if (input.residual != nullptr) {
    rmsnorm(gpu, activation, input.residual, nullptr, input.norm, input.eps, rows, k,
            const_cast<void*>(input.x));
  }
  return input.x;
}

Int4Kernel choose_int4(const Gpu& gpu, const LinearWeight& w, int64_t rows) {
  return choose_int4_kernel(gpu.traits(), w.packed->layout.shape(), rows);
}

// Weights once, rows in and out.
void note_linear(const Gpu& gpu, const LinearWeight& w, int64_t rows) {
  const double values = static_cast<double>(w.n) * static_cast<double>(w.k);
  gpu.note_work(static_cast<double>(w.bytes) + 2.0 * static_cast<double>(rows * (w.n + w.k)),
                2.0 * values * static_cast<double>(rows));
}

LinearOutput output_of(const LinearWeight& w, Epilogue epilogue, void* y) {
  return {y, epilogue == Epilogue::kSiluMul ? w.n / 2 : w.n, epilogue};
}

void dense_linear(const Gpu& gpu, Activation activation, const LinearWeight& w,
                  const LinearInput& input, int64_t rows, Epilogue epilogue, void* y) {
  const void* data = w.packed->data.as<void>();
  const LinearOutput out = output_of(w, epilogue, y);
  if (w.type != WeightType::kInt8 && can_run_dense_few_rows(gpu.traits(), w.k, rows)) {
    const bool fused = input.residual != nullptr && rows <= kMostNormalisedRows;
    const LinearRows in =
        fused ? LinearRows{nullptr, input.residual, input.norm, input.eps, w.k}
              : LinearRows{rows_of(gpu, activation, input, rows, w.k), nullptr, nullptr, 0, w.k};
    note_linear(gpu, w, rows);
    return dense_linear_few_rows(gpu, activation, data, w.n, in, rows, out);
  }
  const void* x = rows_of(gpu, activation, input, rows, w.k);
  note_linear(gpu, w, rows);
  if (w.type != WeightType::kInt8 && gpu.blas() != nullptr)
    return blas_linear(gpu, activation, data, w.n, w.k, x, rows, epilogue, y);
  dense_linear_many_rows(gpu, activation, data, w.packed->scale.as<float>(), w.n,
                         {x, nullptr, nullptr, 0, w.k}, rows, out);
}

}  // namespace

bool can_run(const Gpu& gpu, const LinearWeight& w, int64_t rows, Int4Kernel kernel) {
  switch (kernel) {
    case Int4Kernel::kFewRows:
      return can_run_int4_few_rows(gpu.traits(), w.packed->layout.shape(), rows);
    case Int4Kernel::kManyRowsSm90:
      return gpu.architecture() == 90;
    default:
      return true;
  }
}

void int4_linear(const Gpu& gpu, Activation activation, const LinearWeight& w,
                 const LinearInput& input, int64_t rows, Epilogue epilogue, void* y,
                 Int4Kernel kernel) {
  const Int4Layout& layout = w.packed->layout;
  const LinearOutput out = output_of(w, epilogue, y);
  if (kernel == Int4Kernel::kAuto) kernel = choose_int4(gpu, w, rows);
  LinearRows in = {nullptr, nullptr, nullptr, 0, w.k};
  const int64_t gathered = gathered_columns(w);
  if (kernel == Int4Kernel::kFewRows && input.residual != nullptr && gathered == 0 &&
      rows <= kMostNormalisedRows) {
    in.residual = input.residual, in.norm = input.norm, in.eps = input.eps;
  } else {
    in.x = rows_of(gpu, activation, input, rows, w.k);
  }
  if (gathered > 0) {
    launch(gpu, "gather_columns", gather_columns_kernel,
           dim3(blocks_for(gathered, 256), static_cast<unsigned>(rows)), 256, 0,
           static_cast<const uint16_t*>(in.x), w.packed->order.as<int32_t>(), w.k, gathered,
           static_cast<uint16_t*>(input.gathered));
    in.x = input.gathered;
    in.k = gathered;
  }
  note_linear(gpu, w, rows);
  switch (kernel) {
    case Int4Kernel::kFewRows:
      return int4_linear_few_rows(gpu, activation, layout, in, rows, out);
    case Int4Kernel::kManyRowsSm90:
      return int4_linear_many_rows_sm90(gpu, activation, layout, in, rows, out);
    default:
      return int4_linear_many_rows_mma(gpu, activation, layout, in, rows, out);
  }
}

void linear(const Gpu& gpu, Activation activation, const LinearWeight& w, const LinearInput& input,
            int64_t rows, Epilogue epilogue, void* y) {
  if (w.type == WeightType::kInt4) {
    int4_linear(gpu, activation, w, input, rows, epilogue, y, Int4Kernel::kAuto);
  } else {
    dense_linear(gpu, activation, w, input, rows, epilogue, y);
  }
}

std::string linear_kernel_name(const Gpu& gpu, const LinearWeight& w, int64_t rows) {
  if (w.type == WeightType::kInt4) return int4_kernel_name(choose_int4(gpu, w, rows));
  return dense_kernel_name(gpu.traits(), w.type, w.k, rows);
}

}  // namespace loadmark::ops::cuda
