package files

// sizes are the suffixes of numbers of bytes.
func sizes() []suffix {
	return []suffix{
		{"kB", 1e3}, {"kD", 1e3}, {"k", 1 << 10}, {"KB", 1e3}, {"KD", 1e3}, {"K", 1 << 10},
		{"MB", 1e6}, {"MD", 1e6}, {"M", 1 << 20}, {"GB", 1e9}, {"GD", 1e9}, {"G", 1 << 30},
	}
}

// blockSizes are those of dd, which counts characters, words and blocks too.
func blockSizes() []suffix {
	return append(sizes(), suffix{"c", 1}, suffix{"w", 2}, suffix{"b", 512})
}

// unitSizes are those of df -B.
func unitSizes() []suffix {
	return []suffix{
		{"KiB", 1 << 10}, {"kiB", 1 << 10}, {"K", 1 << 10}, {"k", 1 << 10},
		{"MiB", 1 << 20}, {"miB", 1 << 20}, {"M", 1 << 20}, {"m", 1 << 20},
		{"GiB", 1 << 30}, {"giB", 1 << 30}, {"G", 1 << 30}, {"g", 1 << 30},
		{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
	}
}
