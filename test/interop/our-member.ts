/** A member that runs `@dmls/mls` with the profile of plain MLS. Buffers are wiped as soon as the library says so. */
import { type CipherSuite, equalBytes, type Signer, systemRandom, utf8, wipe } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import {
  type CommitCreated,
  createBranch,
  createCommit,
  createGroup,
  createGroupInfo,
  createKeyPackage,
  createNewMemberProposal,
  createReinitGroup,
  decodeMlsMessage,
  defaultCapabilities,
  type Extension,
  epochAuthenticator,
  exportSecret,
  type GroupInfo,
  type GroupPolicy,
  type GroupState,
  joinExternally,
  joinGroup,
  type KeyPackage,
  type KeyPackageBundle,
  type LeafOptions,
  type MlsMessage,
  mlsMessageBytes,
  mlsProfile,
  type NewLeafOptions,
  type Proposal,
  type Psk,
  padToMultiple,
  processMessage,
  protectApplication,
  ratchetTreeBytes,
  readMessageHeader,
  resumptionPsk,
  type Services,
  type SuccessorCreated,
  sendProposal,
  sendUpdate,
  type WireFormat,
  wipeGroupState,
} from '@dmls/mls'
import { EXPORT, EXTENSION_TYPES, lifetime, now } from './common.ts'
import type {
  CommitMade,
  CommitRequest,
  EpochView,
  ExternalJoin,
  Framing,
  GroupInfoRequest,
  Heard,
  InteropMember,
  ProposalRequest,
  PskName,
  SuccessorRequest,
  TreeDelivery,
} from './interop-member.ts'
import { PskShelf } from './psk-shelf.ts'

const PAST_EPOCHS_MAX = 4
const MLS10 = 1

export interface OurOptions {
  readonly cipherSuite: number
  readonly policy?: Partial<GroupPolicy>
}

/** How a commit is made beyond what both implementations can do. */
export interface OurCommitOptions {
  readonly path?: 'always' | 'when_required'
  readonly leaf?: NewLeafOptions
}

export class OurMember implements InteropMember {
  readonly implementation = 'ours'
  readonly name: string
  readonly suite: CipherSuite
  readonly services: Services
  readonly #options: OurOptions
  readonly #psks = new PskShelf()
  /** The group that this member's first one continues. */
  #previous: GroupState | undefined
  #signer: Signer
  #keyPackages: KeyPackageBundle[] = []
  #state: GroupState | undefined
  /** Earlier epochs, whose application messages may still arrive. */
  #past: GroupState[] = []

  private constructor(name: string, options: OurOptions, signer: Signer, previous: GroupState | undefined) {
    this.name = name
    this.suite = nodeProvider.cipherSuite(options.cipherSuite)
    this.#options = options
    this.#signer = signer
    this.#previous = previous
    const findPsk: Services['findPsk'] = async ({ psk }) => this.#findPsk(psk)
    const policy = { newMemberProposals: 'all', ...options.policy } as const
    this.services = { random: systemRandom, now: now(), authenticate: async () => undefined, findPsk, policy }
  }

  static async of(name: string, options: OurOptions, previous?: GroupState): Promise<OurMember> {
    return new OurMember(name, options, await newSigner(options.cipherSuite), previous)
  }

  get state(): GroupState {
    if (this.#state === undefined) throw new Error(`${this.name} is in no group`)
    return this.#state
  }

  get signer(): Signer {
    return this.#signer
  }

  get leafIndex(): number {
    return this.state.ownLeaf
  }

  get leaf(): LeafOptions {
    const capabilities = defaultCapabilities(this.suite.id, 1)
    return {
      credential: { credentialType: 'basic', identity: utf8(this.name) },
      capabilities: { ...capabilities, extensions: EXTENSION_TYPES },
    }
  }

  async keyPackage(): Promise<Uint8Array> {
    const { suite, signer, leaf, services } = this
    const bundle = await createKeyPackage({ suite, signer, lifetime: lifetime(), ...leaf }, services)
    this.#keyPackages.push(bundle)
    return mlsMessageBytes({ wireFormat: 'mls_key_package', keyPackage: bundle.keyPackage })
  }

  async create(groupId: Uint8Array, extensions: readonly Extension[]): Promise<void> {
    const { suite, signer, leaf, services } = this
    const options = { profile: mlsProfile, suite, groupId, signer, leaf, lifetime: lifetime(), extensions }
    this.#state = await createGroup(options, services)
  }

  async join(welcome: Uint8Array, ratchetTree: Uint8Array | undefined): Promise<void> {
    const message = decodeMlsMessage(welcome)
    if (message.wireFormat !== 'mls_welcome') throw new Error('not a Welcome')
    const { suite, services } = this
    const { state } = await joinGroup(
      {
        profile: mlsProfile,
        suite,
        welcome: message.welcome,
        keyPackages: this.#keyPackages,
        ...(ratchetTree === undefined ? {} : { ratchetTree }),
        ...(this.#previous === undefined ? {} : { previous: this.#previous }),
      },
      services,
    )
    this.#state = state
    this.#past = []
    this.#previous = undefined
    this.#keyPackages = []
  }

  async joinExternally(request: ExternalJoin): Promise<Uint8Array> {
    const { suite, leaf, services } = this
    const { ratchetTree } = request
    const groupInfo = groupInfoIn(request.groupInfo)
    const { state, message: commit } = await joinExternally(
      {
        profile: mlsProfile,
        suite,
        groupInfo,
        signer: this.#signer,
        ...leaf,
        ...(ratchetTree === undefined ? {} : { ratchetTree }),
        ...(this.#state === undefined ? {} : { resync: this.#state.ownLeaf }),
      },
      services,
    )
    this.#state = state
    this.#past = []
    return mlsMessageBytes(commit)
  }

  async proposeItself(groupInfo: Uint8Array): Promise<Uint8Array> {
    const { groupId, epoch } = groupInfoIn(groupInfo).groupContext
    const keyPackage = keyPackageIn(await this.keyPackage())
    return mlsMessageBytes(await createNewMemberProposal({ signer: this.#signer, keyPackage, groupId, epoch }))
  }

  async groupInfo(request: GroupInfoRequest): Promise<Uint8Array> {
    const options = { signer: this.#signer, ratchetTree: request.tree, externalPub: 'included' } as const
    return mlsMessageBytes(await createGroupInfo(this.state, options, this.services))
  }

  async propose(proposal: ProposalRequest, framing: Framing): Promise<Uint8Array> {
    const sent = await sendProposal(this.state, this.#proposal(proposal), this.#framing(framing), this.services)
    return this.#sent(sent)
  }

  async proposeUpdate(framing: Framing): Promise<Uint8Array> {
    return this.#sent(await sendUpdate(this.state, this.#framing(framing), this.services))
  }

  async commit(request: CommitRequest, more: OurCommitOptions = {}): Promise<CommitMade> {
    const created = await createCommit(
      this.state,
      {
        ...this.#framing(request.framing ?? 'private'),
        proposals: (request.proposals ?? []).map((proposal) => this.#proposal(proposal)),
        references: 'all',
        welcome: { ratchetTree: request.tree ?? 'included' },
        ...more,
      },
      this.services,
    )
    // the parent stays able to process a rival, although all that only its earlier form held is wiped
    this.#state = created.parent
    wipe(...created.superseded)
    const tree = request.tree ?? 'included'
    return this.#made(created, tree, mlsMessageBytes(created.message), () => {
      this.#enter(created.child)
      if (more.leaf?.signer !== undefined) this.#signer = more.leaf.signer
    })
  }

  async send(data: Uint8Array): Promise<Uint8Array> {
    const options = { signer: this.#signer, padding: padToMultiple(64) }
    return this.#sent(await protectApplication(this.state, data, options, this.services))
  }

  async receive(bytes: Uint8Array): Promise<Heard> {
    const message = decodeMlsMessage(bytes)
    const header = readMessageHeader(bytes)
    if (header !== undefined && header.epoch < this.state.context.epoch) return this.#receiveLate(message, header.epoch)
    const processed = await processMessage(this.state, message, this.services)
    switch (processed.kind) {
      case 'own':
        throw new Error('the echo of our own message')
      case 'application':
      case 'proposal':
        this.#state = processed.state
        wipe(...processed.superseded)
        return processed.kind === 'proposal'
          ? { kind: 'proposal' }
          : { kind: 'application', data: processed.applicationData }
      case 'commit':
        this.#state = processed.parent
        wipe(...processed.superseded)
        if (processed.child === undefined) return { kind: 'removed' }
        this.#enter(processed.child)
        return { kind: 'commit' }
    }
  }

  async view(): Promise<EpochView> {
    const { state } = this
    return {
      epoch: state.context.epoch,
      groupContext: state.contextBytes.slice(),
      epochAuthenticator: epochAuthenticator(state),
      exported: exportSecret(state, EXPORT),
      resumptionPsk: resumptionPsk(state),
      ratchetTree: ratchetTreeBytes(state.tree),
    }
  }

  learnPsk(psk: PskName, secret: Uint8Array): void {
    this.#psks.put(psk, secret)
  }

  successor(cipherSuite: number): Promise<InteropMember> {
    return OurMember.of(this.name, { ...this.#options, cipherSuite }, this.state)
  }

  recreate(request: SuccessorRequest): Promise<CommitMade> {
    return this.#succeed(request, (old, options) =>
      createReinitGroup(old, { ...options, suite: this.suite }, this.services),
    )
  }

  branch(request: SuccessorRequest): Promise<CommitMade> {
    const { groupId, extensions } = request
    return this.#succeed(request, (old, options) =>
      createBranch(old, { ...options, groupId, extensions }, this.services),
    )
  }

  async #succeed(
    request: SuccessorRequest,
    create: (old: GroupState, options: Parameters<typeof createReinitGroup>[1]) => Promise<SuccessorCreated>,
  ): Promise<CommitMade> {
    if (this.#previous === undefined) throw new Error('there is no old group')
    const { suite, signer, leaf } = this
    const keyPackages = request.keyPackages.map(keyPackageIn)
    const welcome = { ratchetTree: request.tree ?? 'included' } as const
    const options = { suite, signer, leaf, lifetime: lifetime(), keyPackages, welcome }
    const created = await create(this.#previous, options)
    return this.#made(created, welcome.ratchetTree, new Uint8Array(0), () => {
      this.#state = created.child
      this.#previous = undefined
    })
  }

  #made(
    created: Pick<CommitCreated, 'child' | 'welcome'>,
    tree: TreeDelivery,
    commit: Uint8Array,
    take: () => void,
  ): CommitMade {
    return {
      commit,
      welcome: created.welcome && mlsMessageBytes(created.welcome),
      tree,
      ratchetTree: ratchetTreeBytes(created.child.tree),
      take,
      drop: () => wipeGroupState(created.child),
    }
  }

  #enter(child: GroupState): void {
    this.#past = [...this.#past, this.state].slice(-PAST_EPOCHS_MAX)
    this.#state = child
  }

  async #receiveLate(message: MlsMessage, epoch: bigint): Promise<Heard> {
    const at = this.#past.findIndex((state) => state.context.epoch === epoch)
    const state = this.#past[at]
    if (state === undefined) throw new Error(`epoch ${epoch} is forgotten`)
    const processed = await processMessage(state, message, this.services)
    if (processed.kind !== 'application') throw new Error(`a late ${processed.kind}`)
    this.#past = this.#past.with(at, processed.state)
    wipe(...processed.superseded)
    return { kind: 'application', data: processed.applicationData }
  }

  #sent(sent: { state: GroupState; message: MlsMessage; superseded: readonly Uint8Array[] }): Uint8Array {
    this.#state = sent.state
    wipe(...sent.superseded)
    return mlsMessageBytes(sent.message)
  }

  #framing(framing: Framing): { signer: Signer; wireFormat: WireFormat } {
    return { signer: this.#signer, wireFormat: framing === 'public' ? 'mls_public_message' : 'mls_private_message' }
  }

  #proposal(request: ProposalRequest): Proposal {
    switch (request.type) {
      case 'add':
        return { proposalType: 'add', keyPackage: keyPackageIn(request.keyPackage) }
      case 'remove':
        return { proposalType: 'remove', removed: request.leafIndex }
      case 'psk': {
        const pskNonce = systemRandom(this.suite.hashSize)
        return { proposalType: 'psk', psk: { psk: pskOf(request.psk), pskNonce } }
      }
      case 'group_context_extensions':
        return { proposalType: 'group_context_extensions', extensions: request.extensions }
      case 'reinit': {
        const { groupId, cipherSuite, extensions } = request
        return { proposalType: 'reinit', groupId, version: MLS10, cipherSuite, extensions }
      }
    }
  }

  #findPsk(psk: Psk): Uint8Array | undefined {
    if (psk.pskType === 'external') return this.#psks.find(psk)
    if (psk.pskType !== 'resumption') return undefined
    const { pskGroupId: groupId, pskEpoch: epoch } = psk
    const past = this.#past.find(({ context }) => context.epoch === epoch && equalBytes(context.groupId, groupId))
    return past === undefined ? this.#psks.find({ pskType: 'resumption', groupId, epoch }) : resumptionPsk(past)
  }
}

export async function newSigner(cipherSuite: number): Promise<Signer> {
  const suite = nodeProvider.cipherSuite(cipherSuite)
  const { privateKey } = await suite.generateSignatureKeyPair(systemRandom)
  return suite.importSigner(privateKey)
}

export function keyPackageIn(bytes: Uint8Array): KeyPackage {
  const message = decodeMlsMessage(bytes)
  if (message.wireFormat !== 'mls_key_package') throw new Error('not a KeyPackage')
  return message.keyPackage
}

function groupInfoIn(bytes: Uint8Array): GroupInfo {
  const message = decodeMlsMessage(bytes)
  if (message.wireFormat !== 'mls_group_info') throw new Error('not a GroupInfo')
  return message.groupInfo
}

function pskOf(name: PskName): Psk {
  if (name.pskType === 'external') return name
  return { pskType: 'resumption', usage: 'application', pskGroupId: name.groupId, pskEpoch: name.epoch }
}
