// How fast can this machine's cores read memory together?
#pragma once

namespace loadmark {

// 10^9 bytes a second: the best of a few reads of a block far larger than caches, by this many
// threads.
double measure_read_rate(int threads);

}  // namespace loadmark
