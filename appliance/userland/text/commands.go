package text

import (
	"maps"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	all := map[string]command.Command{
		"base64": {Usage: "[-d] [-w N] [FILE]", Help: base64Help, Letters: "diw:", Run: base64Command},
		"echo":   {Usage: "[-neE] [TEXT]...", Raw: true, Run: echo},
		"expand": {
			Usage: "[-i] [-t N] [FILE]...", Help: expandHelp, Letters: "it:",
			Long: map[string]byte{"initial": 'i', "tabs": 't'}, Run: expand,
		},
		"factor": {Usage: "[NUMBER]...", Raw: true, Run: factor},
		"fold":   {Usage: "[-bs] [-w N] [FILE]...", Help: foldHelp, Raw: true, Run: fold},
		"paste":  {Usage: "[-s] [-d TEXT] [FILE]...", Help: pasteHelp, Letters: "d:s", Run: paste},
		"rev":    {Usage: "[FILE]...", Run: rev},
		"seq":    {Usage: "[-w] [-s TEXT] [FIRST [STEP]] LAST", Help: seqHelp, Letters: "+ws:", Run: seq},
		"strings": {Usage: "[-fo] [-t o|d|x] [-n N] [FILE]...", Help: stringsHelp, Letters: "afon:t:",
			Run: stringsCommand},
		"tee": {Usage: "[-ai] [FILE]...", Help: teeHelp, Letters: "ai", Run: tee},
		"unexpand": {
			Usage: "[-fa] [-t N] [FILE]...", Help: unexpandHelp, Letters: "ft:a",
			Long: map[string]byte{"first-only": 'f', "tabs": 't', "all": 'a'}, Run: unexpand,
		},
		"cksum": {Usage: "[FILE]...", Run: cksum},
		"comm":  commCommand(),
		"join":  joinCommand(),
		"cat": {Usage: "[-nbvteA] [FILE]...", Help: catHelp, Letters: "nbvteAu", CannotOpen: true,
			Run: cat},
		"cut": {Usage: "-b|-c|-f|-F LIST [-d TEXT] [-O TEXT] [-Ds] [FILE]...", Help: cutHelp,
			Letters: "b:c:f:F:d:O:sDn", Run: cut},
		"head": {Usage: "[-N | -n N | -c N] [-qv] [FILE]...", Help: headHelp, Raw: true, Run: head},
		"nl": {Usage: "[-b a|t|n] [-v N] [-i N] [-s TEXT] [-w N] [FILE]...", Help: nlHelp,
			Letters: "pw:s:v:i:b:", Long: nlLong(), Run: nl},
		"sort": {
			Usage: "[-ngMVrbdfisucz] [-t CHAR] [-k KEY]... [-o FILE] [FILE]...", Help: sortHelp, Trouble: 2,
			Letters: "ngMVucszbrdfimS:T:o:k:t:", Run: sortLines,
		},
		"tac": {Usage: "[FILE]...", Run: tac},
		"tail": {Usage: "[-N | +N | -n N | -c N] [-fFqv] [-s SECONDS] [FILE]...", Help: tailHelp, Raw: true,
			CannotOpen: true, Run: tail},
		"tr": {Usage: "[-cds] SET1 [SET2]", Help: trHelp, Letters: "+Ccds", Run: tr},
		"uniq": {Usage: "[-cduiz] [-f N] [-s N] [-w N] [INPUT [OUTPUT]]", Help: uniqHelp,
			Letters: "cduf:s:w:iz", CannotOpen: true, Run: uniq},
		"wc":  {Usage: "[-lwmcL] [FILE]...", Help: wcHelp, Letters: wcLetters, Run: wc},
		"yes": {Usage: "[TEXT]...", Raw: true, Run: yes},
	}
	all["printf"] = command.Command{Usage: "FORMAT [ARGUMENT]...", Help: printfHelp, Raw: true, Run: printf}
	all["split"] = command.Command{
		Usage: "[-l N | -b N | -C N] [-a N] [-dx] [FILE [PREFIX]]", Help: splitHelp, Raw: true, Run: split,
	}
	all["dos2unix"] = command.Command{Usage: "[-ud] [FILE]...", Help: dos2unixHelp, Letters: "ud",
		Run: dos2unix}
	all["unix2dos"] = all["dos2unix"]
	maps.Copy(all, dumpCommands())
	maps.Copy(all, sumCommands())
	return all
}

// dumpCommands show bytes.
func dumpCommands() map[string]command.Command {
	return map[string]command.Command{
		"hexdump": {
			Usage: "[-bcdoxCv] [-e FORMAT] [-f FILE] [-n N] [-s N] [FILE]...", Help: hexdumpHelp,
			Letters: "bcdoxCe:f:n:s:v", Run: hexdump,
		},
		"xxd": {
			Usage: "[-pri] [-g N] [-c N] [-l N] [-s N] [-o N] [FILE]", Help: xxdHelp, Letters: "l:s:apirg:c:o:",
			Run: xxd,
		},
		"od": {
			Usage: "[-abcdfhilosxv] [-t TYPE] [-A d|o|x|n] [-j N] [-N N] [-w[N]] [FILE]...", Help: odHelp,
			Letters: "abcdfhilot:xsvA:j:N:w::", Long: odLong(), Run: od,
		},
	}
}
