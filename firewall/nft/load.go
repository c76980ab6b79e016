// Package nft loads a ruleset tree into the kernel.
//
// [Load] replaces the table in one netlink transaction: packets meet the old rules or the new ones, never none and
// never half, and when the kernel refuses any part of it, the old rules stay as they were. Conversations that conntrack
// knows go on; counters start at zero. Other tables are not touched. It needs CAP_NET_ADMIN in the network namespace of
// the calling thread.
package nft

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// Load makes the kernel's table of that name equal to t. The interfaces it names need not exist.
func Load(t firewall.Table) error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("firewall: netlink: %w", err)
	}
	if err := stage(conn, t); err != nil {
		return fmt.Errorf("firewall: table %s: %w", t.Name, err)
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("firewall: table %s refused by the kernel, the rules before it stay: %w", t.Name, err)
	}
	return nil
}

// batch is a transaction in the making.
type batch struct {
	conn  *nftables.Conn
	table *nftables.Table
	sets  map[string]*nftables.Set // and maps, by name
	keys  map[string][]firewall.Field
}

// stage queues everything. Chains come first, because elements of maps jump to them; rules last, because they name all
// else.
func stage(conn *nftables.Conn, t firewall.Table) error {
	b := batch{conn: conn, table: &nftables.Table{Name: t.Name, Family: nftables.TableFamilyINet},
		sets: map[string]*nftables.Set{}, keys: map[string][]firewall.Field{}}
	conn.AddTable(b.table) // so that the deletion finds one
	conn.DelTable(b.table)
	conn.AddTable(b.table)
	chains := make([]*nftables.Chain, len(t.Chains))
	for i, c := range t.Chains {
		chains[i] = conn.AddChain(b.chain(c))
	}
	for _, s := range t.Sets {
		if err := b.named(s.Name, s.Key, s.Elements, nftables.Set{Interval: s.Interval}); err != nil {
			return err
		}
	}
	for _, m := range t.Maps {
		if err := b.named(m.Name, m.Key, m.Elements, nftables.Set{IsMap: true, DataType: nftables.TypeVerdict}); err != nil {
			return err
		}
	}
	for i, c := range t.Chains {
		for j, r := range c.Rules {
			if err := b.rule(chains[i], r); err != nil {
				return fmt.Errorf("chain %s rule %d: %w", c.Name, j+1, err)
			}
		}
	}
	return nil
}

func (b *batch) chain(c firewall.Chain) *nftables.Chain {
	chain := &nftables.Chain{Name: c.Name, Table: b.table}
	if h := c.Hook; h != nil {
		policy := nftables.ChainPolicyDrop
		if h.Policy == firewall.VerdictAccept {
			policy = nftables.ChainPolicyAccept
		}
		chain.Type = nftables.ChainType(h.Type)
		chain.Priority = nftables.ChainPriorityRef(nftables.ChainPriority(h.Priority))
		chain.Policy = &policy
		chain.Hooknum = map[firewall.Point]*nftables.ChainHook{
			firewall.Prerouting: nftables.ChainHookPrerouting, firewall.Input: nftables.ChainHookInput,
			firewall.Forward: nftables.ChainHookForward, firewall.Postrouting: nftables.ChainHookPostrouting,
		}[h.Point]
	}
	return chain
}

// rule queues one rule, its parts in the order of the tree.
func (b *batch) rule(chain *nftables.Chain, r firewall.Rule) error {
	p := program{batch: b}
	for _, m := range r.Matches {
		if err := p.match(m); err != nil {
			return err
		}
	}
	if l := r.Limit; l.PerSecond > 0 {
		p.emit(&expr.Limit{Type: expr.LimitTypePkts, Rate: uint64(l.PerSecond), Unit: expr.LimitTimeSecond, Burst: l.Burst})
	}
	if r.Counter {
		p.emit(&expr.Counter{})
	}
	if r.Log != "" {
		p.emit(&expr.Log{Key: logKeys, Level: expr.LogLevelInfo, Data: []byte(r.Log)})
	}
	if err := p.verdict(r.Verdict); err != nil {
		return err
	}
	rule := &nftables.Rule{Table: b.table, Chain: chain, Exprs: p.exprs}
	if r.Comment != "" {
		rule.UserData = userdata.AppendString(nil, userdata.TypeComment, r.Comment)
	}
	b.conn.AddRule(rule)
	return nil
}
