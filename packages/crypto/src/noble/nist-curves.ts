/** The NIST curves of @noble/curves by name. */

import type { ECDSA } from '@noble/curves/abstract/weierstrass.js'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import type { NistCurveName } from '../suite-table.ts'

export const NIST_CURVES: Readonly<Record<NistCurveName, ECDSA>> = { 'P-256': p256, 'P-384': p384, 'P-521': p521 }
