// The only door of loadgen: everything another room may use.

export { accuracyLoggedSamples } from './accuracy-sampler.js';
export type { Clock } from './clock.js';
export { RealClock, VirtualClock, Wakeup } from './clock.js';
export type { ConfEntry, ConfFault } from './conf-file.js';
export { ConfFile } from './conf-file.js';
export type { ConfCode, ConfLoad, ConfSource } from './conf-loader.js';
export { ConfLoader, loadConf } from './conf-loader.js';
export type { ConfKey, ConfKind } from './conf-settings.js';
export { confKeys, confMode } from './conf-settings.js';
export type { ConfValue } from './conf-writer.js';
export { listConfValues } from './conf-writer.js';
export type {
  QuerySample,
  QuerySampleLibrary,
  QuerySampleResponse,
  Responder,
  SystemUnderTest,
} from './contracts.js';
export type { EffectiveSettings } from './effective-settings.js';
export type { LoadgenErrorCode } from './errors.js';
export { LoadgenError } from './errors.js';
export type {
  Distribution,
  FailedSample,
  LoggedFault,
  LoggedResponse,
  LogTexts,
  Metrics,
  PeakProbe,
  PeakSearch,
  Progress,
  SampleColumns,
  SampleObserver,
  SeriesOutcome,
  TestOptions,
  TestOutcome,
} from './outcome.js';
export type {
  OfficialSeeds,
  Round,
  SampleSetOrder,
  Scenario,
  TestMode,
  TestSettings,
} from './settings.js';
export { defaultSettings, officialSeeds } from './settings.js';
export type { SettingFault } from './settings-check.js';
export { checkSettings, findSettingFaults } from './settings-check.js';
export { startTest } from './start-test.js';
