/** A member that runs `ts-mls`. What the library leaves to its caller, or gets wrong on the wire: `peer-amendments.ts`. */
import { equalBytes, utf8 } from '@dmls/crypto'
import type { Extension } from '@dmls/mls'
import {
  acceptAll,
  branchGroup,
  type CiphersuiteImpl,
  type ClientState,
  type CreateCommitResult,
  createApplicationMessage,
  createCommit,
  createGroup,
  createProposal,
  encodeMlsMessage,
  generateKeyPackageWithKey,
  type IncomingMessageCallback,
  joinGroup,
  joinGroupExternal,
  joinGroupFromBranch,
  joinGroupFromReinit,
  type KeyPackage,
  type MlsPrivateMessage,
  type MlsPublicMessage,
  makePskIndex,
  mlsExporter,
  type PrivateKeyPackage,
  type ProcessMessageResult,
  type ProposalWithSender,
  type PskIndex,
  processPrivateMessage,
  processPublicMessage,
  proposeAddExternal,
  reinitCreateNewGroup,
  zeroOutUint8Array,
} from 'ts-mls'
import { encode } from 'ts-mls/codec/tlsEncoder.js'
import { groupContextEncoder } from 'ts-mls/groupContext.js'
import { makeKeyPackageRef } from 'ts-mls/keyPackage.js'
import { ratchetTreeEncoder } from 'ts-mls/ratchetTree.js'
import { EXPORT, lifetime } from '../common.ts'
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
} from '../interop-member.ts'
import { PskShelf } from '../psk-shelf.ts'
import {
  externalGroupInfo,
  leafIsTakenOver,
  OwnUpdates,
  readingExternalPub,
  type SignatureKeys,
  signatureKeys,
} from './peer-amendments.ts'
import {
  capabilities,
  contentTypeOf,
  decodeMessage,
  messageIn,
  peerExtensions,
  proposalOf,
  suiteOf,
  treeIn,
} from './peer-values.ts'

interface Bundle {
  readonly publicPackage: KeyPackage
  readonly privatePackage: PrivateKeyPackage
}

export class PeerMember implements InteropMember {
  readonly implementation = 'ts-mls'
  readonly name: string
  readonly impl: CiphersuiteImpl
  readonly #keys: SignatureKeys
  /** The group that this member's first one continues. */
  #previous: ClientState | undefined
  readonly #psks = new PskShelf()
  readonly #updates = new OwnUpdates()
  #bundles: Bundle[] = []
  #state: ClientState | undefined

  private constructor(name: string, impl: CiphersuiteImpl, keys: SignatureKeys, previous: ClientState | undefined) {
    this.name = name
    this.impl = impl
    this.#keys = keys
    this.#previous = previous
  }

  static async of(name: string, cipherSuite: number, previous?: ClientState): Promise<PeerMember> {
    const impl = await suiteOf(cipherSuite)
    return new PeerMember(name, impl, await signatureKeys(cipherSuite, impl), previous)
  }

  get state(): ClientState {
    if (this.#state === undefined) throw new Error(`${this.name} is in no group`)
    return this.#state
  }

  get leafIndex(): number {
    return this.state.privatePath.leafIndex
  }

  get pskIndex(): PskIndex {
    const own = makePskIndex(this.#state, {})
    return {
      findPsk: (id) => {
        if (id.psktype === 'external') return this.#psks.find({ pskType: 'external', pskId: id.pskId })
        const { pskGroupId: groupId, pskEpoch: epoch } = id
        return own.findPsk(id) ?? this.#psks.find({ pskType: 'resumption', groupId, epoch })
      },
    }
  }

  async keyPackage(): Promise<Uint8Array> {
    const bundle = await this.#newBundle()
    this.#bundles.push(bundle)
    const { publicPackage: keyPackage } = bundle
    return encodeMlsMessage({ version: 'mls10', wireformat: 'mls_key_package', keyPackage })
  }

  async create(groupId: Uint8Array, extensions: readonly Extension[]): Promise<void> {
    const { publicPackage, privatePackage } = await this.#newBundle()
    this.#state = await createGroup(groupId, publicPackage, privatePackage, peerExtensions(extensions), this.impl)
  }

  async join(bytes: Uint8Array, ratchetTree: Uint8Array | undefined): Promise<void> {
    const { welcome } = messageIn(bytes, 'mls_welcome')
    const { publicPackage, privatePackage } = await this.#bundleFor(welcome.secrets.map((entry) => entry.newMember))
    const tree = ratchetTree && treeIn(ratchetTree)
    const { impl, pskIndex } = this
    const previous = this.#previous
    if (previous === undefined) {
      this.#state = await joinGroup(welcome, publicPackage, privatePackage, pskIndex, impl, tree)
    } else if (previous.groupActiveState.kind === 'suspendedPendingReinit') {
      this.#state = await joinGroupFromReinit(previous, welcome, publicPackage, privatePackage, tree)
    } else {
      this.#state = await joinGroupFromBranch(previous, welcome, publicPackage, privatePackage, tree, impl)
    }
    this.#previous = undefined
    this.#bundles = []
  }

  async joinExternally(request: ExternalJoin): Promise<Uint8Array> {
    const { groupInfo } = messageIn(request.groupInfo, 'mls_group_info')
    const { publicPackage, privatePackage } = await this.#newBundle()
    const tree = request.ratchetTree && treeIn(request.ratchetTree)
    const comesBack = this.#state !== undefined
    const impl = readingExternalPub(this.impl, groupInfo)
    const joined = await joinGroupExternal(groupInfo, publicPackage, privatePackage, comesBack, impl, tree)
    this.#state = joined.newState
    const { publicMessage } = joined
    return encodeMlsMessage({ version: 'mls10', wireformat: 'mls_public_message', publicMessage })
  }

  async proposeItself(bytes: Uint8Array): Promise<Uint8Array> {
    const { groupInfo } = messageIn(bytes, 'mls_group_info')
    const bundle = await this.#newBundle()
    this.#bundles.push(bundle)
    const { publicPackage, privatePackage } = bundle
    return encodeMlsMessage(await proposeAddExternal(groupInfo, publicPackage, privatePackage, this.impl))
  }

  async groupInfo(request: GroupInfoRequest): Promise<Uint8Array> {
    const groupInfo = await externalGroupInfo(this.state, request.tree, this.impl)
    return encodeMlsMessage({ version: 'mls10', wireformat: 'mls_group_info', groupInfo })
  }

  propose(proposal: ProposalRequest, framing: Framing): Promise<Uint8Array> {
    return this.#propose(proposalOf(proposal, this.impl), framing)
  }

  async proposeUpdate(framing: Framing): Promise<Uint8Array> {
    return this.#propose(await this.#updates.propose(this.state, this.impl), framing)
  }

  async commit(request: CommitRequest): Promise<CommitMade> {
    const { impl: cipherSuite, state, pskIndex } = this
    const made = await createCommit(
      { state, cipherSuite, pskIndex },
      {
        wireAsPublicMessage: request.framing === 'public',
        extraProposals: (request.proposals ?? []).map((proposal) => proposalOf(proposal, cipherSuite)),
        ratchetTreeExtension: request.tree !== 'separate',
      },
    )
    return this.#made(made, request.tree ?? 'included')
  }

  async send(data: Uint8Array): Promise<Uint8Array> {
    const { newState, privateMessage, consumed } = await createApplicationMessage(this.state, data, this.impl)
    this.#move(newState, consumed)
    return encodeMlsMessage({ version: 'mls10', wireformat: 'mls_private_message', privateMessage })
  }

  async receive(bytes: Uint8Array): Promise<Heard> {
    const message = decodeMessage(bytes)
    if (message.wireformat !== 'mls_private_message' && message.wireformat !== 'mls_public_message') {
      throw new Error(`a ${message.wireformat} is not for a member`)
    }
    const isCommit = contentTypeOf(message) === 'commit'
    const proposals = isCommit ? await this.#proposalsIn(message) : []
    if (leafIsTakenOver(this.state, proposals)) return this.#leave()
    const processed = await this.#process(message, this.#updates.apply(this.state, proposals))
    this.#move(processed.newState, processed.consumed)
    if (processed.kind === 'applicationMessage') return { kind: 'application', data: processed.message.slice() }
    if (this.state.groupActiveState.kind === 'removedFromGroup') return this.#leave()
    return { kind: isCommit ? 'commit' : 'proposal' }
  }

  async view(): Promise<EpochView> {
    const { groupContext, keySchedule, ratchetTree } = this.state
    const { label, context, length } = EXPORT
    return {
      epoch: groupContext.epoch,
      groupContext: encode(groupContextEncoder)(groupContext),
      epochAuthenticator: keySchedule.epochAuthenticator.slice(),
      exported: await mlsExporter(keySchedule.exporterSecret, label, context, length, this.impl),
      resumptionPsk: keySchedule.resumptionPsk.slice(),
      ratchetTree: encode(ratchetTreeEncoder)(ratchetTree),
    }
  }

  learnPsk(psk: PskName, secret: Uint8Array): void {
    this.#psks.put(psk, secret)
  }

  successor(cipherSuite: number): Promise<InteropMember> {
    return PeerMember.of(this.name, cipherSuite, this.state)
  }

  /** The peer cannot put the tree into the Welcome of such a group. */
  async recreate(request: SuccessorRequest): Promise<CommitMade> {
    const { publicPackage, privatePackage } = await this.#newBundle()
    const others = request.keyPackages.map((bytes) => messageIn(bytes, 'mls_key_package').keyPackage)
    const extensions = peerExtensions(request.extensions)
    const { groupId } = request
    const suite = this.impl.name
    return this.#made(
      await reinitCreateNewGroup(this.#old, publicPackage, privatePackage, others, groupId, suite, extensions),
      'separate',
    )
  }

  async branch(request: SuccessorRequest): Promise<CommitMade> {
    const { publicPackage, privatePackage } = await this.#newBundle()
    const others = request.keyPackages.map((bytes) => messageIn(bytes, 'mls_key_package').keyPackage)
    const { groupId } = request
    return this.#made(
      await branchGroup(this.#old, publicPackage, privatePackage, others, groupId, this.impl),
      'separate',
    )
  }

  get #old(): ClientState {
    if (this.#previous === undefined) throw new Error('there is no old group')
    return this.#previous
  }

  async #newBundle(): Promise<Bundle> {
    const credential = { credentialType: 'basic', identity: utf8(this.name) } as const
    return generateKeyPackageWithKey(credential, capabilities(), lifetime(), [], this.#keys, this.impl)
  }

  async #bundleFor(references: readonly Uint8Array[]): Promise<Bundle> {
    for (const bundle of this.#bundles) {
      const own = await makeKeyPackageRef(bundle.publicPackage, this.impl.hash)
      if (references.some((reference) => equalBytes(reference, own))) return bundle
    }
    throw new Error('the Welcome is for none of our key packages')
  }

  async #propose(proposal: Parameters<typeof createProposal>[2], framing: Framing): Promise<Uint8Array> {
    const { newState, message, consumed } = await createProposal(this.state, framing === 'public', proposal, this.impl)
    this.#move(newState, consumed)
    return encodeMlsMessage(message)
  }

  #made({ newState, commit, welcome, consumed }: CreateCommitResult, tree: TreeDelivery): CommitMade {
    return {
      commit: encodeMlsMessage(commit),
      welcome: welcome && encodeMlsMessage({ version: 'mls10', wireformat: 'mls_welcome', welcome }),
      tree,
      ratchetTree: encode(ratchetTreeEncoder)(newState.ratchetTree),
      take: () => {
        this.#previous = undefined
        this.#move(newState, consumed)
      },
      drop: () => undefined,
    }
  }

  async #process(
    message: MlsPrivateMessage | MlsPublicMessage,
    state: ClientState,
    callback: IncomingMessageCallback = acceptAll,
  ): Promise<ProcessMessageResult> {
    const { impl, pskIndex } = this
    if (message.wireformat === 'mls_private_message') {
      return processPrivateMessage(state, message.privateMessage, pskIndex, impl, callback)
    }
    return { ...(await processPublicMessage(state, message.publicMessage, pskIndex, impl, callback)), kind: 'newState' }
  }

  /** Which proposals a commit carries: the peer shows them to a callback that may refuse, before it needs private keys. */
  async #proposalsIn(commit: MlsPrivateMessage | MlsPublicMessage): Promise<readonly ProposalWithSender[]> {
    let proposals: readonly ProposalWithSender[] = []
    await this.#process(commit, this.state, (incoming) => {
      if (incoming.kind === 'commit') proposals = incoming.proposals
      return 'reject'
    })
    return proposals
  }

  #leave(): Heard {
    this.#state = undefined
    return { kind: 'removed' }
  }

  #move(state: ClientState, consumed: readonly Uint8Array[]): void {
    this.#state = state
    consumed.forEach(zeroOutUint8Array)
  }
}
