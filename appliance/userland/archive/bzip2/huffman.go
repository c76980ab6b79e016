package bzip2

import "slices"

const (
	chunk    = 50 // symbols that are written by one table
	longest  = 17 // bits of a code; readers take 20
	maximum  = 6  // tables
	rounds   = 4  // how often tables and what is written by them are fitted to each other
	unlikely = 15 // bits that a symbol is taken to need before it is known
)

// lengths are how many bits each symbol has in a table.
type lengths []uint8

// codes writes the symbols of a block: tables of codes, which table is for which 50 symbols, and the symbols.
// The last symbol is the end, and the highest one that there is.
func codes(b *bits, symbols []uint16) {
	alphabet := int(symbols[len(symbols)-1]) + 1
	tables := guess(symbols, alphabet)
	var choice []uint8
	for range rounds {
		choice = choose(tables, symbols)
		fit(tables, choice, symbols)
	}
	b.write(3, uint64(len(tables)))
	b.write(15, uint64(len(choice)))
	writeChoice(b, choice, len(tables))
	for _, t := range tables {
		writeLengths(b, t)
	}
	var numbers [maximum][]uint32
	for i, t := range tables {
		numbers[i] = canonical(t)
	}
	i := 0
	for piece := range slices.Chunk(symbols, chunk) {
		t, n := tables[choice[i]], numbers[choice[i]]
		for _, s := range piece {
			b.write(uint(t[s]), uint64(n[s]))
		}
		i++
	}
}

// guess makes first tables, as many as are worth their place: each is for a part of the alphabet, and the
// parts are equally frequent.
func guess(symbols []uint16, alphabet int) []lengths {
	count := 2
	for _, size := range []int{200, 600, 1200, 2400} {
		if len(symbols) >= size {
			count++
		}
	}
	frequency := make([]int, alphabet)
	for _, s := range symbols {
		frequency[s]++
	}
	tables := make([]lengths, count)
	from, left := 0, len(symbols)
	for i := range tables {
		to, sum := from, 0
		for to < alphabet && (sum < left/(count-i) || to == from) {
			sum += frequency[to]
			to++
		}
		tables[i] = make(lengths, alphabet)
		for s := range tables[i] {
			if s < from || s >= to {
				tables[i][s] = unlikely
			}
		}
		from, left = to, left-sum
	}
	return tables
}

// choose finds the table that writes each chunk in the fewest bits.
func choose(tables []lengths, symbols []uint16) (choice []uint8) {
	for piece := range slices.Chunk(symbols, chunk) {
		best, fewest := 0, -1
		for i, t := range tables {
			bits := 0
			for _, s := range piece {
				bits += int(t[s])
			}
			if fewest < 0 || bits < fewest {
				best, fewest = i, bits
			}
		}
		choice = append(choice, uint8(best))
	}
	return choice
}

// fit makes each table one for what it writes.
func fit(tables []lengths, choice []uint8, symbols []uint16) {
	var frequency [maximum][]int
	for i, t := range tables {
		frequency[i] = make([]int, len(t))
	}
	i := 0
	for piece := range slices.Chunk(symbols, chunk) {
		for _, s := range piece {
			frequency[choice[i]][s]++
		}
		i++
	}
	for i := range tables {
		tables[i] = huffman(frequency[i])
	}
}

// A node is a symbol, or two nodes; parent is its place among the nodes.
type node struct{ weight, parent int }

// huffman gives frequent symbols few bits, and each at least one.
func huffman(frequency []int) lengths {
	weights := make([]int, len(frequency))
	for i, f := range frequency {
		weights[i] = max(f, 1)
	}
	for {
		t, deepest := tree(weights)
		if deepest <= longest {
			return t
		}
		for i := range weights { // flatter
			weights[i] = weights[i]/2 + 1
		}
	}
}

// tree is Huffman's: the two lightest become one, until one is left. Those that were made so come in the
// order of their weight, so two rows that are read from their beginnings are enough.
func tree(weights []int) (t lengths, deepest uint8) {
	leaves := make([]uint64, len(weights)) // weight and symbol
	for i, w := range weights {
		leaves[i] = uint64(w)<<32 | uint64(i)
	}
	slices.Sort(leaves)
	nodes := make([]node, len(weights), 2*len(weights))
	for i, w := range weights {
		nodes[i].weight = w
	}
	leaf, made := 0, len(weights)
	lightest := func() int {
		if made == len(nodes) || leaf < len(leaves) && int(leaves[leaf]>>32) <= nodes[made].weight {
			leaf++
			return int(uint32(leaves[leaf-1]))
		}
		made++
		return made - 1
	}
	for range len(weights) - 1 {
		a := lightest()
		b := lightest()
		nodes[a].parent, nodes[b].parent = len(nodes), len(nodes)
		nodes = append(nodes, node{weight: nodes[a].weight + nodes[b].weight})
	}
	depth := make([]uint8, len(nodes))
	for i := len(nodes) - 2; i >= 0; i-- { // a parent is behind its children
		depth[i] = min(depth[nodes[i].parent]+1, 255)
		deepest = max(deepest, depth[i])
	}
	return depth[:len(weights)], deepest
}

// canonical are the codes of a table: of equally long ones they count up with the symbols.
func canonical(t lengths) []uint32 {
	numbers := make([]uint32, len(t))
	next := uint32(0)
	for length := uint8(1); length <= longest; length++ {
		for s, l := range t {
			if l == length {
				numbers[s] = next
				next++
			}
		}
		next <<= 1
	}
	return numbers
}

// writeChoice writes how long ago each chosen table was last chosen, as so many ones and a zero.
func writeChoice(b *bits, choice []uint8, tables int) {
	recent := make([]uint8, tables)
	for i := range recent {
		recent[i] = uint8(i)
	}
	for _, c := range choice {
		rank := slices.Index(recent, c)
		copy(recent[1:], recent[:rank])
		recent[0] = c
		b.write(uint(rank+1), 1<<(rank+1)-2)
	}
}

// writeLengths writes the first, and then the difference of each to the one before: 10 is one more, 11 one
// less, 0 is so.
func writeLengths(b *bits, t lengths) {
	now := t[0]
	b.write(5, uint64(now))
	for _, l := range t {
		for ; now < l; now++ {
			b.write(2, 2)
		}
		for ; now > l; now-- {
			b.write(2, 3)
		}
		b.write(1, 0)
	}
}
