// Package nft loads a ruleset tree into the kernel and reads back what it counts.
//
// [Load] makes the table equal to the tree in one netlink transaction: packets meet the old rules or the new
// ones, never none and never half, and when the kernel refuses any part of it, the old rules stay as they
// were. What the kernel knows is not lost by it: conversations go on; counters of a name that both trees
// have, and the elements of sets that the tree says are kept, are not touched at all. Other tables are not
// touched either. It needs CAP_NET_ADMIN in the network namespace of the calling thread.
package nft

import (
	"errors"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// attempts bounds how often Load looks again at what is there because somebody changed it meanwhile. Only a
// ban does.
const attempts = 10

// Load makes the kernel's table of that name equal to t. The interfaces it names need not exist, but the
// devices of a flowtable must.
func Load(t firewall.Table) error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("firewall: netlink: %w", err)
	}
	for range attempts {
		if err = loadOnce(conn, t); !errors.Is(err, unix.ERESTART) {
			break
		}
	}
	return err
}

// loadOnce looks at what is there and changes it, unless it has changed in between.
func loadOnce(conn *nftables.Conn, t firewall.Table) error {
	generation, err := conn.GetGen()
	if err != nil {
		return fmt.Errorf("firewall: generation of the ruleset: %w", err)
	}
	old, err := readState(conn, t)
	if err != nil {
		return fmt.Errorf("firewall: table %s as it is: %w", t.Name, err)
	}
	table := nftables.Table{Name: t.Name, Family: familyOf(t.Family)}
	if err := stage(conn, &table, t, old); err != nil {
		return fmt.Errorf("firewall: table %s: %w", t.Name, err)
	}
	var gate []*nftables.Rule
	if t.Family == firewall.Inet {
		gate = closeGate(conn, &table, t.Chains)
	}
	if err := conn.FlushWithGenID(generation.ID); err != nil {
		return fmt.Errorf("firewall: table %s refused by the kernel, the rules before it stay: %w", t.Name,
			err)
	}
	return openGate(conn, &table, gate)
}

// familyOf is a family in the words of the kernel.
func familyOf(f firewall.Family) nftables.TableFamily {
	if f == firewall.ARP {
		return nftables.TableFamilyARP
	}
	return nftables.TableFamilyINet
}

// arpInput is the only hook of the ARP family that trees have: NF_ARP_IN of linux/netfilter_arp.h.
var arpInput = nftables.ChainHookRef(0)

// batch is a transaction in the making.
type batch struct {
	conn   *nftables.Conn
	table  *nftables.Table
	sets   map[string]*nftables.Set // and maps, by name
	keys   map[string][]firewall.Field
	ported map[string]bool // maps that have ports too
}

func newBatch(conn *nftables.Conn, table *nftables.Table) *batch {
	return &batch{conn: conn, table: table, sets: map[string]*nftables.Set{},
		keys: map[string][]firewall.Field{}, ported: map[string]bool{}}
}

// stage queues everything. Chains come first, because elements of maps jump to them; rules last, because they
// name all else.
func stage(conn *nftables.Conn, table *nftables.Table, t firewall.Table, old state) error {
	b := newBatch(conn, table)
	conn.AddTable(b.table)
	sets, err := b.describeSets(t)
	if err != nil {
		return err
	}
	kept := b.clear(t, sets, old)
	chains := make([]*nftables.Chain, len(t.Chains))
	for i, c := range t.Chains {
		chains[i] = chainOf(b.table, c)
		if !kept.chains[c.Name] {
			conn.AddChain(chains[i])
		}
	}
	b.objects(t, kept)
	for _, s := range sets {
		if err := b.addSet(s, kept.sets[s.Name]); err != nil {
			return fmt.Errorf("set %s: %w", s.Name, err)
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

// objects queues the counters, the helpers and the flowtables that are not there yet.
func (b *batch) objects(t firewall.Table, kept state) {
	for _, name := range t.Counters {
		if !kept.counters[name] {
			b.conn.AddObj(&nftables.NamedObj{Table: b.table, Name: name, Type: nftables.ObjTypeCounter,
				Obj: &expr.Counter{}})
		}
	}
	for _, h := range t.Helpers {
		if !kept.helpers[h.Object()] {
			b.conn.AddObj(helperObject(b.table, h))
		}
	}
	for _, f := range t.Flowtables {
		if kept.flowtables[f.Name] == nil {
			b.conn.AddFlowtable(&nftables.Flowtable{Table: b.table, Name: f.Name, Devices: f.Devices,
				Flags: nftables.FlowtableFlagsCounter})
		}
	}
}

// helperObject is what the kernel knows a helper by.
func helperObject(table *nftables.Table, h firewall.Helper) *nftables.NamedObj {
	family := uint16(unix.NFPROTO_INET)
	if h.OnlyIPv4() {
		family = unix.NFPROTO_IPV4
	}
	return &nftables.NamedObj{Table: table, Name: h.Object(), Type: nftables.ObjTypeCtHelper,
		Obj: &expr.CtHelper{Name: h.Name, L3Proto: family, L4Proto: uint8(h.Proto.Number())}}
}

func chainOf(table *nftables.Table, c firewall.Chain) *nftables.Chain {
	chain := &nftables.Chain{Name: c.Name, Table: table}
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
			firewall.Forwarding: nftables.ChainHookForward, firewall.Output: nftables.ChainHookOutput,
			firewall.Postrouting: nftables.ChainHookPostrouting,
		}[h.Point]
		if table.Family == nftables.TableFamilyARP {
			chain.Hooknum = arpInput
		}
	}
	return chain
}

// rule queues one rule, its parts in the order of the tree.
func (b *batch) rule(chain *nftables.Chain, r firewall.TreeRule) error {
	p := program{batch: b}
	for _, m := range r.Matches {
		if err := p.match(m); err != nil {
			return err
		}
	}
	if r.Meter != nil {
		if err := p.meter(r.Meter); err != nil {
			return err
		}
	}
	if r.Learn != nil {
		if err := p.remember(r.Learn); err != nil {
			return err
		}
	}
	if r.Limit.Count > 0 {
		p.emit(limit(r.Limit))
	}
	if r.Counter != "" {
		p.emit(&expr.Objref{Type: unix.NFT_OBJECT_COUNTER, Name: r.Counter})
	}
	if r.Log != "" {
		p.emit(&expr.Log{Key: logKeys, Group: firewall.LogGroup, Data: []byte(r.Log)})
	}
	if r.Helper != (firewall.Helper{}) {
		p.emit(&expr.Objref{Type: unix.NFT_OBJECT_CT_HELPER, Name: r.Helper.Object()})
	}
	if err := p.verdict(r.Verdict); err != nil {
		return err
	}
	rule := &nftables.Rule{Table: b.table, Chain: chain, Exprs: p.exprs}
	if comment := r.Comment(); comment != "" {
		rule.UserData = userdata.AppendString(nil, userdata.TypeComment, comment)
	}
	b.conn.AddRule(rule)
	return nil
}
