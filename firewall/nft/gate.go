package nft

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
)

// The kernel takes new rules into use at one instant, but fills new sets of intervals a moment later (nf_tables_commit:
// nft_set_commit_update comes behind the new generation). Until then a rule that denies by such a set does not match. So
// rules come with a gate in front of them, which lets nobody begin a conversation, and which is taken away when the
// transaction is over. What has begun goes on.

// gates are the chains, in front of those that filter.
func gates(table *nftables.Table) []*nftables.Chain {
	accept := nftables.ChainPolicyAccept
	gate := func(name string, hook *nftables.ChainHook) *nftables.Chain {
		return &nftables.Chain{Table: table, Name: name, Type: nftables.ChainTypeFilter, Hooknum: hook,
			Priority: nftables.ChainPriorityRef(*nftables.ChainPriorityFilter - 1), Policy: &accept}
	}
	return []*nftables.Chain{gate("gate_input", nftables.ChainHookInput), gate("gate_forward", nftables.ChainHookForward)}
}

// closeGate queues the gate: "iifname != lo ct state new drop".
func closeGate(conn *nftables.Conn, table *nftables.Table) {
	for _, chain := range gates(table) {
		conn.AddChain(chain)
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte("lo\x00")},
			&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4,
				Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitNEW), Xor: binaryutil.NativeEndian.PutUint32(0)},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(0)},
			&expr.Verdict{Kind: expr.VerdictDrop},
		}})
	}
}

// openGate takes the gate away. If that fails, the new rules are there behind it, and another load removes it.
func openGate(conn *nftables.Conn, table *nftables.Table) error {
	for _, chain := range gates(table) {
		conn.FlushChain(chain)
		conn.DelChain(chain)
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("firewall: table %s: the gate in front of the new rules stays closed: %w", table.Name, err)
	}
	return nil
}
