package nft

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// A dump is what the kernel says a table has, by the title of each object: "chain input". The first line
// describes the object, the others are its rules in their order, or its elements, sorted. Lines are the
// kernel's own bytes, less what differs between two loads of the same (handles, names of anonymous sets), and
// only compared.
type dump map[string][]string

// dumpTable asks the kernel for everything in the table of t's name and family but what it counts.
func dumpTable(t firewall.Table) (dump, error) {
	d, name, family := dump{}, t.Name, familyOf(t.Family)
	anonymous := map[string]string{} // elements of the sets that belong to rules, by name
	if err := d.sets(family, name, anonymous); err != nil {
		return nil, err
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
			return nil, err
		}
	}
	return d, nil
}

// Attributes of flowtables that golang.org/x/sys/unix does not have (linux/netfilter/nf_tables.h).
const (
	nftaFlowtableTable = 1
	nftaFlowtableName  = 2
	nftaFlowtableHook  = 3
)

// request sends one message about nftables and gives the attributes of each answer to add.
func request(family nftables.TableFamily, message, flags int, add func(attributes), attrs ...*nl.RtAttr) error {
	req := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|message, flags)
	req.AddData(&nl.Nfgenmsg{NfgenFamily: uint8(family), Version: unix.NFNETLINK_V0})
	for _, a := range attrs {
		req.AddData(a)
	}
	answers, err := req.Execute(unix.NETLINK_NETFILTER, 0)
	if err != nil {
		return fmt.Errorf("nftables message %d: %w", message, err)
	}
	for _, answer := range answers {
		if len(answer) < nl.SizeofNfgenmsg {
			return errors.New("nftables: the kernel's answer is cut off")
		}
		parsed, err := parse(answer[nl.SizeofNfgenmsg:])
		if err != nil {
			return err
		}
		add(parsed)
	}
	return nil
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
	title := "chain " + a.text(unix.NFTA_CHAIN_NAME)
	d[title] = append([]string{a.line(unix.NFTA_CHAIN_HOOK, unix.NFTA_CHAIN_POLICY, unix.NFTA_CHAIN_TYPE)}, d[title]...)
}

func (d dump) object(a attributes) {
	title := "counter "
	if kind := a.bytes(unix.NFTA_OBJ_TYPE); len(kind) == 4 && binary.BigEndian.Uint32(kind) == unix.NFT_OBJECT_CT_HELPER {
		title = "ct helper "
	}
	d[title+a.text(unix.NFTA_OBJ_NAME)] = []string{a.line(unix.NFTA_OBJ_TYPE)}
}

func (d dump) flowtable(a attributes) {
	d["flowtable "+a.text(nftaFlowtableName)] = []string{a.line(nftaFlowtableHook)}
}

func (d dump) rule(a attributes, anonymous map[string]string) {
	title := "chain " + a.text(unix.NFTA_RULE_CHAIN)
	line := a.line(unix.NFTA_RULE_USERDATA)
	for _, e := range inner(a.bytes(unix.NFTA_RULE_EXPRESSIONS)) {
		expr := inner(e.Value)
		line += " " + expr.text(unix.NFTA_EXPR_NAME)
		for _, part := range inner(expr.bytes(unix.NFTA_EXPR_DATA)) {
			value := hex.EncodeToString(part.Value)
			if elements, ok := anonymous[string(bytes.TrimRight(part.Value, "\x00"))]; ok && expr.text(unix.NFTA_EXPR_NAME) == "lookup" {
				value = elements
			}
			line += fmt.Sprintf(" %d=%s", part.Attr.Type, value)
		}
	}
	d[title] = append(d[title], line)
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
		elements, err := dumpElements(family, table, name)
		if err != nil {
			return err
		}
		if strings.HasPrefix(name, "__") {
			anonymous[name] = strings.Join(elements, ",")
			continue
		}
		d["set "+name] = append([]string{a.line(unix.NFTA_SET_FLAGS, unix.NFTA_SET_KEY_TYPE, unix.NFTA_SET_KEY_LEN,
			unix.NFTA_SET_DATA_TYPE, unix.NFTA_SET_DATA_LEN, unix.NFTA_SET_TIMEOUT, unix.NFTA_SET_DESC)}, elements...)
	}
	return nil
}

func dumpElements(family nftables.TableFamily, table, set string) ([]string, error) {
	var elements []string
	err := request(family, unix.NFT_MSG_GETSETELEM, unix.NLM_F_DUMP, func(a attributes) {
		for _, e := range inner(a.bytes(unix.NFTA_SET_ELEM_LIST_ELEMENTS)) {
			elements = append(elements, inner(e.Value).line(unix.NFTA_SET_ELEM_KEY, unix.NFTA_SET_ELEM_DATA, unix.NFTA_SET_ELEM_FLAGS))
		}
	}, nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_TABLE, nl.ZeroTerminated(table)),
		nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_SET, nl.ZeroTerminated(set)))
	slices.Sort(elements)
	return elements, err
}
