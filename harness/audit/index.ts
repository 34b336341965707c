// The audits' door: what an audit needs to be known before, and what it says of the answers afterwards.

export { type AuditPlan, planAudit, readEosIds } from './audit-plan.js';
export { type AuditedAnswer, readAuditedLog } from './audited-log.js';
export {
  type CheckOutcome,
  type ConsistencyCheck,
  type ConsistencyReport,
  checkConsistency,
  consistencyChecks,
} from './output-consistency.js';
export { formatVerification } from './verification-text.js';
