// SPDX-License-Identifier: Apache-2.0
//! A chain that grows over several epochs.

use ed25519_dalek::{Signer, SigningKey};
use silsila_chain::{
    Admission, AsCertified, Block, BlockHash, BlockHeader, Certificate, ChainState, Change,
    EPOCH_NOTICE, Endorsed, Entry, EpochChange, Founder, Genesis, Handover, Height, Identity,
    MemberChange, MemberKey, MemoryHeads, Proof, QuorumCertificate, Reason, Signature, Transaction,
    quorum_namespace,
};

use crate::sample::{entries_by, shared};
use crate::showing;

/// Member number `n`; the first four order at the beginning.
pub fn seed(n: u8) -> [u8; 32] {
    [n + 30; 32]
}

pub fn key(n: u8) -> MemberKey {
    MemberKey::from_seed(&seed(n))
}

pub fn identity(n: u8) -> Identity {
    Identity::ed25519(key(n).public())
}

pub fn sorted(numbers: &[u8]) -> Vec<Identity> {
    let mut identities: Vec<_> = numbers.iter().map(|n| identity(*n)).collect();
    identities.sort_unstable();
    identities
}

pub fn admission(n: u8) -> Admission {
    Admission {
        organization: format!("Hospital {n}"),
        ..shared().members[0].admission.clone()
    }
}

/// A channel with `members` members, those of `validators` ordering.
pub fn founding(members: u8, validators: &[u8]) -> Genesis {
    let mut founders: Vec<Founder> = (0..members)
        .map(|n| Founder {
            identity: identity(n),
            admission: admission(n),
        })
        .collect();
    founders.sort_by_key(|founder| founder.identity);
    Genesis {
        members: founders,
        validators: sorted(validators),
        ..shared()
    }
}

/// A chain that grows, certified by whoever is to.
pub struct Growing {
    pub genesis: Genesis,
    pub state: ChainState,
    pub blocks: Vec<Block>,
    numbers: Vec<u8>,
    sequence: u64,
}

impl Growing {
    pub fn of(members: u8, validators: &[u8]) -> Self {
        let genesis = founding(members, validators);
        Self {
            state: ChainState::at_genesis(&genesis),
            blocks: Vec::new(),
            numbers: (0..members.max(12)).collect(),
            sequence: 0,
            genesis,
        }
    }

    /// A certificate for a header by a quorum of these validators, in an epoch.
    pub fn certificate(&self, header: &[u8], validators: &[Identity], epoch: u64) -> Vec<u8> {
        let block = BlockHeader::hash(header);
        if let [only] = validators {
            return Certificate::lone(&self.key_of(only), &block).encode();
        }
        let finalization = self.finalization(block, validators, epoch);
        Certificate::Quorum {
            finalization,
            links: Vec::new(),
        }
        .encode()
    }

    pub fn finalization(
        &self,
        block: BlockHash,
        validators: &[Identity],
        epoch: u64,
    ) -> QuorumCertificate {
        let mut made = QuorumCertificate {
            epoch,
            view: 3,
            parent: 2,
            block,
            validators: validators.len(),
            signers: (0..silsila_chain::quorum(validators.len())).collect(),
            signatures: Vec::new(),
        };
        let mut message = [&quorum_namespace(&self.genesis.id())[..], b"_FINALIZE"].concat();
        message.insert(0, u8::try_from(message.len()).expect("short"));
        for number in [made.epoch, made.view, made.parent] {
            message.push(u8::try_from(number).expect("small"));
        }
        message.extend_from_slice(&block.0);
        for signer in &made.signers {
            let number = self.number_of(&validators[*signer]);
            let signed = SigningKey::from_bytes(&seed(number)).sign(&message);
            made.signatures.push(Signature(signed.to_bytes()));
        }
        made
    }

    fn number_of(&self, identity_: &Identity) -> u8 {
        let mut numbers = self.numbers.iter();
        *numbers
            .find(|n| identity(**n) == *identity_)
            .expect("one of the sample's")
    }

    fn key_of(&self, identity: &Identity) -> MemberKey {
        key(self.number_of(identity))
    }

    /// Signs entries as member `n`.
    pub fn transaction(&mut self, n: u8, entries: &[Entry]) -> Transaction {
        self.sequence += 1;
        let until = Height(self.state.height().0 + 100);
        entries_by(&key(n), &self.genesis, self.sequence, until, entries)
    }

    /// The next block, certified by whoever is to certify it.
    pub fn block(&self, transactions: Vec<Transaction>) -> Block {
        let ids: Vec<_> = transactions.iter().map(Transaction::id).collect();
        let header = self
            .state
            .next_header(self.state.time_ms() + 10, &ids)
            .encode();
        let validators = self.state.validators();
        Block {
            certificate: self.certificate(&header, validators.identities(), validators.epoch()),
            header,
            transactions,
        }
    }

    pub fn judge(&self, block: &Block) -> Result<ChainState, Reason> {
        let judged = self
            .state
            .verify_block(block, &AsCertified, &mut MemoryHeads::default());
        match judged {
            Ok(verified) => Ok(verified.accepted.after),
            Err(silsila_chain::Rejected::Fault(fault)) => Err(fault.reason),
            Err(silsila_chain::Rejected::Heads(never)) => match never {},
        }
    }

    pub fn push(&mut self, transactions: Vec<Transaction>) -> Result<(), Reason> {
        let block = self.block(transactions);
        self.state = self.judge(&block)?;
        self.blocks.push(block);
        Ok(())
    }

    pub fn put(&mut self, n: u8, entry: Entry) -> Result<(), Reason> {
        let transaction = self.transaction(n, &[entry]);
        self.push(vec![transaction])
    }

    pub fn run_to(&mut self, height: u64) {
        while self.state.height().0 < height {
            self.push(Vec::new())
                .expect("an empty block is always taken");
        }
    }

    pub fn handovers(&self, last: u64) -> Vec<Handover> {
        let epochs = self.state.epochs().all().iter().skip(1);
        let epochs = epochs.filter(|epoch| epoch.first.0 - 1 <= last);
        epochs
            .map(|epoch| {
                let block = &self.blocks[usize::try_from(epoch.first.0 - 2).expect("small")];
                Handover {
                    header: block.header.clone(),
                    certificate: block.certificate.clone(),
                    validators: epoch.validators.identities().to_vec(),
                }
            })
            .collect()
    }

    /// The proof of the only entry of a block, up to the last block.
    pub fn proof(&self, height: u64) -> Proof {
        let height = usize::try_from(height).expect("small");
        Proof {
            handovers: self.handovers(self.blocks.len() as u64),
            ..showing::proof(&self.genesis, &self.blocks, (height, 0, 0))
        }
    }
}

pub fn change(number: u64, validators: &[u8]) -> Entry {
    let proposal = EpochChange::new(
        number,
        Height(1000),
        validators.iter().map(|n| identity(*n)).collect(),
    );
    Entry::Epoch(Box::new(Endorsed::new(proposal, Vec::new())))
}

pub fn member(n: u8, revision: u64, change: Change) -> Entry {
    let proposal = MemberChange {
        subject: identity(n),
        revision,
        until: Height(1000),
        change,
    };
    Entry::Member(Box::new(Endorsed::new(proposal, Vec::new())))
}

pub fn revoked(n: u8) -> Entry {
    member(n, 2, Change::Revoke { reason: 1 })
}

/// Member 5 joins in block 1, takes the seat of member 3 in epoch 1, and of everybody in epoch 2.
pub fn three_epochs() -> Growing {
    let mut chain = Growing::of(5, &[0, 1, 2, 3]);
    chain
        .put(0, member(5, 1, Change::Admit(admission(5))))
        .expect("the rules permit it");
    chain
        .put(1, change(1, &[0, 1, 2, 5]))
        .expect("the rules permit it");
    chain.run_to(2 + EPOCH_NOTICE + 2);
    chain.put(2, change(2, &[5])).expect("the rules permit it");
    chain.run_to(21 + EPOCH_NOTICE + 2);
    chain.put(4, revoked(3)).expect("the rules permit it");
    chain.run_to(42);
    chain
}
