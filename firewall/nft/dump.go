package nft

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"syscall"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// A dump is what the kernel says a table has, by the title of each object: "chain input". What it says are
// its own bytes, less what differs between two loads of the same (handles, names of anonymous sets), and only
// compared.
type dump struct {
	seed    maphash.Seed // of two dumps that are compared
	objects map[string]*object
}

// An object is one declaration of a table. Rules are in their order.
type object struct {
	head     string
	rules    []string
	elements digest
}

// A digest stands for the elements of a set, in any order: how many there are, and the sum of their hashes. A
// list can have a hundred thousand, on a machine that has no memory for another two of them.
type digest struct {
	number int
	sum    uint64
}

func (d *digest) add(seed maphash.Seed, e element) {
	d.number++
	d.sum += maphash.Comparable(seed, e)
}

// An element is what the kernel has of an element of a set or a map.
type element struct {
	key, data string
	end       bool // the first value behind an interval
}

func newDump(seed maphash.Seed) dump { return dump{seed, map[string]*object{}} }

// at returns an object, which is made when it is first heard of.
func (d dump) at(title string) *object {
	o := d.objects[title]
	if o == nil {
		o = &object{}
		d.objects[title] = o
	}
	return o
}

// read asks the kernel for everything in the table of t's name and family but what it counts.
func (d dump) read(t firewall.Table) error {
	name, family := t.Name, familyOf(t.Family)
	anonymous := map[string]string{} // elements of the sets that belong to rules, by name
	if err := d.sets(family, name, anonymous); err != nil {
		return err
	}
	for _, ask := range []struct {
		message int
		table   int // the attribute that names the table
		add     func(attrs attributes)
	}{
		{unix.NFT_MSG_GETCHAIN, unix.NFTA_CHAIN_TABLE, d.chain},
		{unix.NFT_MSG_GETOBJ, unix.NFTA_OBJ_TABLE, d.object},
		{unix.NFT_MSG_GETFLOWTABLE, nftaFlowtableTable, d.flowtable},
		{unix.NFT_MSG_GETRULE, unix.NFTA_RULE_TABLE, func(a attributes) { d.rule(a, anonymous) }},
	} {
		err := request(family, ask.message, unix.NLM_F_DUMP, func(a attributes) {
			if a.text(ask.table) == name {
				ask.add(a)
			}
		}, nl.NewRtAttr(ask.table, nl.ZeroTerminated(name)))
		if err != nil {
			return err
		}
	}
	return nil
}

// Attributes of flowtables that golang.org/x/sys/unix does not have (linux/netfilter/nf_tables.h).
const (
	nftaFlowtableTable = 1
	nftaFlowtableName  = 2
	nftaFlowtableHook  = 3
)

// request sends one message about nftables and gives the attributes of each answer to add, as they come.
func request(family nftables.TableFamily, message, flags int, add func(attributes),
	attrs ...*nl.RtAttr) error {
	req := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|message, flags)
	req.AddData(&nl.Nfgenmsg{NfgenFamily: uint8(family), Version: unix.NFNETLINK_V0})
	for _, a := range attrs {
		req.AddData(a)
	}
	var wrong error
	err := req.ExecuteIter(unix.NETLINK_NETFILTER, 0, func(answer []byte) bool {
		if len(answer) < nl.SizeofNfgenmsg {
			wrong = errors.New("nftables: the kernel's answer is cut off")
			return true
		}
		parsed, err := parse(answer[nl.SizeofNfgenmsg:])
		if err != nil {
			wrong = err
			return true
		}
		add(parsed)
		return true
	})
	if err != nil {
		return fmt.Errorf("nftables message %d: %w", message, err)
	}
	return wrong
}

// attributes are those of one message or nest, in their order.
type attributes []syscall.NetlinkRouteAttr

func parse(b []byte) (attributes, error) {
	attrs, err := nl.ParseRouteAttr(b)
	if err != nil {
		return nil, fmt.Errorf("nftables: attributes: %w", err)
	}
	for i := range attrs {
		attrs[i].Attr.Type &^= unix.NLA_F_NESTED
	}
	return attrs, nil
}

// inner parses a nest; what cannot be parsed has nothing in it.
func inner(b []byte) attributes {
	attrs, err := parse(b)
	if err != nil {
		return nil
	}
	return attrs
}

func (a attributes) bytes(t int) []byte {
	for _, attr := range a {
		if int(attr.Attr.Type) == t {
			return attr.Value
		}
	}
	return nil
}

func (a attributes) text(t int) string { return string(bytes.TrimRight(a.bytes(t), "\x00")) }

// line writes some attributes for comparison.
func (a attributes) line(types ...int) string {
	parts := make([]string, len(types))
	for i, t := range types {
		parts[i] = hex.EncodeToString(a.bytes(t))
	}
	return strings.Join(parts, " ")
}

func (d dump) chain(a attributes) {
	d.at("chain " + a.text(unix.NFTA_CHAIN_NAME)).head = a.line(unix.NFTA_CHAIN_HOOK, unix.NFTA_CHAIN_POLICY,
		unix.NFTA_CHAIN_TYPE)
}

func (d dump) object(a attributes) {
	title := "counter "
	if kind := a.bytes(unix.NFTA_OBJ_TYPE); len(kind) == 4 &&
		binary.BigEndian.Uint32(kind) == unix.NFT_OBJECT_CT_HELPER {
		title = "ct helper "
	}
	d.at(title + a.text(unix.NFTA_OBJ_NAME)).head = a.line(unix.NFTA_OBJ_TYPE)
}

func (d dump) flowtable(a attributes) {
	d.at("flowtable " + a.text(nftaFlowtableName)).head = a.line(nftaFlowtableHook)
}

func (d dump) rule(a attributes, anonymous map[string]string) {
	line := a.line(unix.NFTA_RULE_USERDATA)
	for _, e := range inner(a.bytes(unix.NFTA_RULE_EXPRESSIONS)) {
		expr := inner(e.Value)
		line += " " + expr.text(unix.NFTA_EXPR_NAME)
		for _, part := range inner(expr.bytes(unix.NFTA_EXPR_DATA)) {
			value := hex.EncodeToString(part.Value)
			if elements, ok := anonymous[string(bytes.TrimRight(part.Value, "\x00"))]; ok &&
				expr.text(unix.NFTA_EXPR_NAME) == "lookup" {
				value = elements
			}
			line += fmt.Sprintf(" %d=%s", part.Attr.Type, value)
		}
	}
	chain := d.at("chain " + a.text(unix.NFTA_RULE_CHAIN))
	chain.rules = append(chain.rules, line)
}

// sets adds named sets and maps with their elements; those of anonymous ones are put aside for the rules.
func (d dump) sets(family nftables.TableFamily, table string, anonymous map[string]string) error {
	var all []attributes
	err := request(family, unix.NFT_MSG_GETSET, unix.NLM_F_DUMP, func(a attributes) {
		if a.text(unix.NFTA_SET_TABLE) == table {
			all = append(all, a)
		}
	}, nl.NewRtAttr(unix.NFTA_SET_TABLE, nl.ZeroTerminated(table)))
	if err != nil {
		return err
	}
	for _, a := range all {
		name := a.text(unix.NFTA_SET_NAME)
		if strings.HasPrefix(name, "__") {
			var lines []string
			err = eachElement(family, table, name, func(e element) {
				lines = append(lines, fmt.Sprintf("%x %x %t", e.key, e.data, e.end))
			})
			slices.Sort(lines)
			anonymous[name] = strings.Join(lines, ",")
		} else {
			set := d.at("set " + name)
			set.head = a.line(unix.NFTA_SET_FLAGS, unix.NFTA_SET_KEY_TYPE, unix.NFTA_SET_KEY_LEN,
				unix.NFTA_SET_DATA_TYPE, unix.NFTA_SET_DATA_LEN, unix.NFTA_SET_TIMEOUT, unix.NFTA_SET_DESC)
			err = eachElement(family, table, name, func(e element) { set.elements.add(d.seed, e) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eachElement calls f for each element of a set, in no order.
func eachElement(family nftables.TableFamily, table, set string, f func(element)) error {
	return request(family, unix.NFT_MSG_GETSETELEM, unix.NLM_F_DUMP, func(a attributes) {
		for _, e := range inner(a.bytes(unix.NFTA_SET_ELEM_LIST_ELEMENTS)) {
			is := inner(e.Value)
			f(element{
				key:  string(inner(is.bytes(unix.NFTA_SET_ELEM_KEY)).bytes(unix.NFTA_DATA_VALUE)),
				data: string(is.bytes(unix.NFTA_SET_ELEM_DATA)),
				// NFT_SET_ELEM_INTERVAL_END
				end: bytes.ContainsAny(is.bytes(unix.NFTA_SET_ELEM_FLAGS), "\x01"),
			})
		}
	}, nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_TABLE, nl.ZeroTerminated(table)),
		nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_SET, nl.ZeroTerminated(set)))
}
