package bzip2

import "bytes"

// Symbols of runs of the rank 0: how long they are, with digits 1 and 2.
const runA, runB = 0, 1

// ranks replaces bytes by how long ago they were last seen, since the sorted rotations bring equal ones
// together: rank 0 is the byte before, and its runs are numbers; rank n is the symbol n+1. The last symbol is
// one beyond: the end.
func ranks(block []byte) (symbols []uint16, used *[256]bool) {
	used = new([256]bool)
	for _, b := range block {
		used[b] = true
	}
	var recent []byte // bytes that there are, the last seen first
	for b, yes := range used {
		if yes {
			recent = append(recent, byte(b))
		}
	}
	end := uint16(len(recent) + 1)
	symbols = make([]uint16, 0, len(block)+1)
	zeros := 0
	for _, b := range block {
		if recent[0] == b {
			zeros++
			continue
		}
		symbols = appendRun(symbols, zeros)
		zeros = 0
		rank := bytes.IndexByte(recent, b)
		copy(recent[1:], recent[:rank])
		recent[0] = b
		symbols = append(symbols, uint16(rank+1))
	}
	return append(appendRun(symbols, zeros), end), used
}

// appendRun writes a number with the digits 1 and 2, the lowest first: 3 is 11, 4 is 21.
func appendRun(symbols []uint16, n int) []uint16 {
	for ; n > 0; n = (n - 1) / 2 {
		if n%2 == 1 {
			symbols = append(symbols, runA)
		} else {
			symbols = append(symbols, runB)
		}
	}
	return symbols
}
