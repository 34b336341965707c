// Property tests draw the same cases in every run, so that a red run is about the change and not about the draw.

import fc from 'fast-check';

fc.configureGlobal({ seed: 20_261_122 });
