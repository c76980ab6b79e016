package nft

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// named queues a set or map with its elements; like says what else it is.
func (b *batch) named(name string, key []firewall.Field, elements []firewall.Element, like nftables.Set) error {
	like.Name, like.Table = name, b.table
	keyType, err := keyType(key)
	if err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	like.KeyType = keyType
	like.KeyByteOrder = binaryutil.BigEndian
	if encodings[key[0].Kind()].native {
		like.KeyByteOrder = binaryutil.NativeEndian
	}
	var encoded []nftables.SetElement
	for _, e := range elements {
		es, err := encodeElement(key, e, like.Interval)
		if err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
		encoded = append(encoded, es...)
	}
	if err := b.conn.AddSet(&like, encoded); err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	b.sets[name], b.keys[name] = &like, key
	return nil
}

// anonymous queues the set of a rule's own values and returns it.
func (b *batch) anonymous(f firewall.Field, values []firewall.Value) (*nftables.Set, error) {
	keyType, err := keyType([]firewall.Field{f})
	if err != nil {
		return nil, err
	}
	set := &nftables.Set{Table: b.table, Anonymous: true, Constant: true, KeyType: keyType}
	for _, v := range values {
		set.Interval = set.Interval || !v.Single()
	}
	var encoded []nftables.SetElement
	for _, v := range values {
		es, err := encodeElement([]firewall.Field{f}, firewall.Element{Key: []firewall.Value{v}}, set.Interval)
		if err != nil {
			return nil, err
		}
		encoded = append(encoded, es...)
	}
	return set, b.conn.AddSet(set, encoded)
}

// encodeElement gives the kernel's elements for one of ours: one, or for an interval two.
func encodeElement(key []firewall.Field, e firewall.Element, interval bool) ([]nftables.SetElement, error) {
	if len(e.Key) != len(key) || interval && len(key) > 1 {
		return nil, fmt.Errorf("element of %d values for a key of %d, interval %t", len(e.Key), len(key), interval)
	}
	if interval {
		return encodeInterval(key[0].Kind(), e.Key[0])
	}
	element := nftables.SetElement{VerdictData: mapVerdict(e.Verdict)}
	for i, v := range e.Key {
		encoded, err := encode(key[i].Kind(), v)
		if err != nil {
			return nil, err
		}
		element.Key = append(element.Key, encoded...)
		if len(key) > 1 {
			element.Key = append(element.Key, make([]byte, padding(len(encoded)))...)
		}
	}
	return []nftables.SetElement{element}, nil
}

// encodeInterval marks the first value and the one behind the last; an interval that reaches the end of all values has
// no such.
func encodeInterval(kind firewall.Kind, v firewall.Value) ([]nftables.SetElement, error) {
	first, last, err := encodeBounds(kind, v)
	if err != nil {
		return nil, err
	}
	elements := []nftables.SetElement{{Key: first}}
	if increment(last) {
		elements = append(elements, nftables.SetElement{Key: last, IntervalEnd: true})
	}
	return elements, nil
}

// mapVerdict is the verdict as data of a map; nil for the element of a set.
func mapVerdict(v firewall.Verdict) *expr.Verdict {
	if v.Kind == firewall.VerdictNone {
		return nil
	}
	return &expr.Verdict{Kind: verdictKinds[v.Kind], Chain: v.Target}
}

func keyType(key []firewall.Field) (nftables.SetDatatype, error) {
	types := make([]nftables.SetDatatype, len(key))
	for i, f := range key {
		types[i] = encodings[f.Kind()].datatype
	}
	if len(types) == 1 {
		return types[0], nil
	}
	return nftables.ConcatSetType(types...)
}

// padding is what a value of n bytes lacks to fill registers of 4.
func padding(n int) int { return (4 - n%4) % 4 }

// increment adds one to a big-endian number; false when it was the largest.
func increment(b []byte) bool {
	for i := len(b) - 1; i >= 0; i-- {
		b[i]++
		if b[i] != 0 {
			return true
		}
	}
	return false
}
