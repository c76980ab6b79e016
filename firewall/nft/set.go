package nft

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// A wantedSet is a set or map of the tree in the kernel's terms.
type wantedSet struct {
	nftables.Set
	kept     bool
	key      []firewall.Field
	data     []firewall.Kind
	elements []firewall.Element
}

// describeSets makes the sets and maps of t ready to be compared with what is there.
func (b *batch) describeSets(t firewall.Table) ([]wantedSet, error) {
	var all []wantedSet
	for _, s := range t.Sets {
		all = append(all, wantedSet{nftables.Set{
			Name: s.Name, Interval: s.Interval, HasTimeout: s.Expires, Timeout: s.Timeout,
			Dynamic: s.Dynamic, Size: s.Size,
		}, s.Kept, s.Key, nil, s.Elements})
	}
	for _, m := range t.Maps {
		like := nftables.Set{Name: m.Name, Interval: m.Interval, IsMap: true, DataType: nftables.TypeVerdict}
		if m.Data != nil {
			datatype, err := concatenated(m.Data)
			if err != nil {
				return nil, fmt.Errorf("map %s: %w", m.Name, err)
			}
			like.DataType = datatype
		}
		all = append(all, wantedSet{like, false, m.Key, m.Data, m.Elements})
	}
	for i := range all {
		if err := b.describe(&all[i]); err != nil {
			return nil, fmt.Errorf("set %s: %w", all[i].Name, err)
		}
	}
	return all, nil
}

func (b *batch) describe(w *wantedSet) error {
	w.Table = b.table
	keyType, err := keyType(w.key)
	if err != nil {
		return err
	}
	w.KeyType = keyType
	w.KeyByteOrder = binaryutil.BigEndian
	if encodings[w.key[0].Kind()].native {
		w.KeyByteOrder = binaryutil.NativeEndian
	}
	return nil
}

// addSet queues a set or map with its elements, unless it stays as it is.
func (b *batch) addSet(w wantedSet, kept *nftables.Set) error {
	set := &w.Set
	b.sets[w.Name], b.keys[w.Name], b.ported[w.Name] = set, w.key, len(w.data) > 1
	if kept != nil {
		return nil
	}
	if err := b.conn.AddSet(set, nil); err != nil {
		return err
	}
	return w.elementsTo(b.conn.SetAddElements)
}

// chunk is how many elements are encoded at once. In Go's form they take several times what is sent, and a
// list has a hundred thousand.
const chunk = 1000

// elementsTo queues the elements, to be added or to be deleted.
func (w *wantedSet) elementsTo(queue func(*nftables.Set, []nftables.SetElement) error) error {
	for some := range slices.Chunk(w.elements, chunk) {
		encoded := make([]nftables.SetElement, 0, len(some)*2)
		for _, e := range some {
			es, err := encodeElement(w.key, w.data, e, w.Interval)
			if err != nil {
				return err
			}
			encoded = append(encoded, es...)
		}
		if err := queue(&w.Set, encoded); err != nil {
			return err
		}
	}
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
		es, err := encodeElement([]firewall.Field{f}, nil, firewall.Element{Key: []firewall.Value{v}},
			set.Interval)
		if err != nil {
			return nil, err
		}
		encoded = append(encoded, es...)
	}
	return set, b.conn.AddSet(set, joined(encoded))
}

// joined makes one interval of those that touch, as nft(8) does with what a rule itself lists. They must be
// sorted.
func joined(elements []nftables.SetElement) []nftables.SetElement {
	var out []nftables.SetElement
	for _, e := range elements {
		if n := len(out); n > 0 && out[n-1].IntervalEnd && !e.IntervalEnd &&
			bytes.Equal(out[n-1].Key, e.Key) {
			out = out[:n-1]
			continue
		}
		out = append(out, e)
	}
	return out
}

// encodeElement gives the kernel's elements for one of ours: one, or for an interval two.
func encodeElement(key []firewall.Field, data []firewall.Kind, e firewall.Element,
	interval bool) ([]nftables.SetElement, error) {
	if len(e.Key) != len(key) || interval && len(key) > 1 || len(e.Data) != len(data) {
		return nil, fmt.Errorf("element of %d values for a key of %d, interval %t, and %d data for %d",
			len(e.Key), len(key), interval, len(e.Data), len(data))
	}
	kinds := make([]firewall.Kind, len(key))
	for i, f := range key {
		kinds[i] = f.Kind()
	}
	val, err := encodeAll(data, e.Data)
	if err != nil {
		return nil, err
	}
	element := nftables.SetElement{VerdictData: mapVerdict(e.Verdict), Val: val}
	if interval {
		return encodeInterval(kinds[0], e.Key[0], element)
	}
	element.Key, err = encodeAll(kinds, e.Key)
	return []nftables.SetElement{element}, err
}

// encodeAll gives the bytes of a concatenation: each part but a lonely one fills whole registers.
func encodeAll(kinds []firewall.Kind, values []firewall.Value) ([]byte, error) {
	var all []byte
	for i, v := range values {
		encoded, err := encode(kinds[i], v)
		if err != nil {
			return nil, err
		}
		all = append(all, encoded...)
		if len(kinds) > 1 {
			all = append(all, make([]byte, padding(len(encoded)))...)
		}
	}
	return all, nil
}

// encodeInterval marks the first value and the one behind the last; an interval that reaches the end of all
// values has no such.
func encodeInterval(kind firewall.Kind, v firewall.Value, element nftables.SetElement) ([]nftables.SetElement,
	error) {
	first, last, err := encodeBounds(kind, v)
	if err != nil {
		return nil, err
	}
	element.Key = first
	elements := []nftables.SetElement{element}
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
	kinds := make([]firewall.Kind, len(key))
	for i, f := range key {
		kinds[i] = f.Kind()
	}
	return concatenated(kinds)
}

func concatenated(kinds []firewall.Kind) (nftables.SetDatatype, error) {
	types := make([]nftables.SetDatatype, len(kinds))
	for i, k := range kinds {
		types[i] = encodings[k].datatype
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
