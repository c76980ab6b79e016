package nft

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// The kernel takes new rules into use at one instant, but fills new sets of intervals a moment later
// (nf_tables_commit: nft_set_commit_update comes behind the new generation). Until then a rule that denies by
// such a set does not match. So rules come with a gate in front of them, which lets nobody begin a
// conversation, and which is taken away when the transaction is over. What has begun goes on.
//
// The gate is the first rule of the very chains that filter. A packet looks which rules are in use once for
// each base chain (nft_do_chain): a gate in a chain of its own is passed by the packet that is between the
// two at that instant.

// closeGate queues the gate, "iifname != lo ct state new drop", and returns its rules.
func closeGate(conn *nftables.Conn, table *nftables.Table, chains []firewall.Chain) (gate []*nftables.Rule) {
	for _, c := range chains {
		if c.Hook == nil || c.Hook.Type != firewall.Filter || c.Hook.Point != firewall.Input &&
			c.Hook.Point != firewall.Forwarding {
			continue
		}
		chain := &nftables.Chain{Table: table, Name: c.Name}
		gate = append(gate, conn.InsertRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte("lo\x00")},
			&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4,
				Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitNEW),
				Xor:  binaryutil.NativeEndian.PutUint32(0)},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(0)},
			&expr.Verdict{Kind: expr.VerdictDrop},
		}}))
	}
	return gate
}

// openGate takes the gate away. If that fails, the new rules are there behind it, and another load removes
// it.
func openGate(conn *nftables.Conn, table *nftables.Table, gate []*nftables.Rule) error {
	for _, rule := range gate {
		if err := conn.DelRule(rule); err != nil {
			return fmt.Errorf("firewall: table %s: the gate in front of the new rules: %w", table.Name, err)
		}
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("firewall: table %s: the gate in front of the new rules stays closed: %w",
			table.Name, err)
	}
	return nil
}
