package system

import "github.com/gatehouse-os/gatehouse/appliance/userland/command"

func listing() map[string]command.Command {
	return map[string]command.Command{
		"ps": {Usage: "[-o COLUMN[=HEADER],...] [-p PID,...] [-T] [aux | -ef | -l]", Help: psHelp, Raw: true,
			Run: ps},
		"pidof": {
			Usage: "[-s] [-o PID]... [NAME]...", Letters: "so:", Run: pidof,
			Help: "\t-s\tone only\n\t-o PID\tnot this; %PPID: who asks\n",
		},
		"pgrep": {
			Usage:   "[-acfilnovx] [-d TEXT] [-P|g|s|t|u|U LIST]... [PATTERN]",
			Help:    choosingHelp + "\t-l -a\tnames too, command lines too\n\t-d TEXT\tbetween numbers\n",
			Letters: choosing + "ad:l", Long: choosingLong(), Trouble: misusedStatus, Run: pgrep,
		},
		"pkill": {
			Usage: "[-SIG] [-cefinovx] [-P|g|s|t|u|U LIST]... [PATTERN]",
			Help:  choosingHelp + "\t-e\tsay who got it\n\t-SIG\ta signal, by name or number\n",
			Raw:   true, Trouble: misusedStatus, Run: pkill,
		},
		"pstree": {
			Usage: "[-apAlT] [PID | USER]", Letters: "apAlTn", Run: pstree,
			Help: "\t-a\targuments\n\t-p\tnumbers\n\t-T\tno threads\n\t-l\tlong lines are not cut\n",
		},
		"top": {
			Usage: "[-bH] [-n COUNT] [-d SECONDS]", Help: topHelp, Letters: "bHn:d:", Run: runTop,
		},
	}
}
