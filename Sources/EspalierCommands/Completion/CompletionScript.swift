import ArgumentParser

/// The completion scripts. Each asks the program itself, so that a script stays right when the program changes, and keys
/// of checkpoints can be completed.
enum CompletionScript {
  enum Shell: String, CaseIterable, ExpressibleByArgument {
    case bash
    case zsh
    case fish
  }

  static func text(_ shell: Shell) -> String {
    switch shell {
    case .bash: bash
    case .zsh: zsh
    case .fish: fish
    }
  }

  private static let bash = #"""
    # bash completion for espalier. To install it for your user, run:
    #   mkdir -p ~/.local/share/bash-completion/completions
    #   espalier completion bash > ~/.local/share/bash-completion/completions/espalier
    # That folder is read when the package bash-completion is installed. Without it, add this to ~/.bashrc:
    #   source <(espalier completion bash)
    _espalier() {
        local head='' line kind space typed
        COMPREPLY=()
        while IFS='' read -r line; do
            if [ -z "$head" ]; then head=$line; else COMPREPLY+=("$line"); fi
        done < <("${COMP_WORDS[0]/#\~/$HOME}" ---complete bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
        kind=${head%% *} space=${head#* }
        typed=${space#* } space=${space%% *}
        case $kind in
        files | folders)
            type compopt >/dev/null 2>&1 && compopt -o filenames 2>/dev/null
            local action=-f
            [ "$kind" = folders ] && action=-d
            while IFS='' read -r line; do
                COMPREPLY+=("$line")
            done < <(compgen "$action" -- "$typed")
            ;;
        *) [ "$space" = nospace ] && type compopt >/dev/null 2>&1 && compopt -o nospace 2>/dev/null ;;
        esac
        return 0
    }
    complete -F _espalier espalier
    """#

  private static let zsh = #"""
    #compdef espalier
    # zsh completion for espalier. To install it for your user, run:
    #   mkdir -p ~/.zfunc && espalier completion zsh > ~/.zfunc/_espalier
    # and have these lines in ~/.zshrc, in this order:
    #   fpath=(~/.zfunc $fpath)
    #   autoload -Uz compinit && compinit
    _espalier() {
        emulate -L zsh -o extended_glob
        local -a answer values texts head
        local line
        local -i width=0 found=1
        answer=("${(@f)$("${(Q)words[1]/#\~/$HOME}" ---complete zsh $((CURRENT - 2)) "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" "${(@Q)words[CURRENT+1,-1]}" 2>/dev/null)}")
        head=(${=answer[1]})
        for line in "${(@)answer[2,-1]}"; do
            values+=("${line%%$'\t'*}")
            (( ${#values[-1]} > width )) && width=${#values[-1]}
        done
        for line in "${(@)answer[2,-1]}"; do
            if [[ $line == *$'\t'* ]]; then
                texts+=("${(r:width:)${line%%$'\t'*}}  -- ${line#*$'\t'}")
            else
                texts+=("$line")
            fi
        done
        local -a space=()
        [[ ${head[2]} == nospace ]] && space=(-S '')
        if (( ${#values} )); then
            compadd -V espalier -l "${space[@]}" -d texts -a values && found=0
        fi
        case ${head[1]} in
            files) _files && found=0 ;;
            folders) _files -/ && found=0 ;;
        esac
        return found
    }
    if [[ ${funcstack[1]} == _espalier ]]; then
        _espalier "$@"
    else
        compdef _espalier espalier
    fi
    """#

  private static let fish = #"""
    # fish completion for espalier. To install it for your user, run:
    #   mkdir -p ~/.config/fish/completions
    #   espalier completion fish > ~/.config/fish/completions/espalier.fish
    function __espalier_complete
        set -l tokens (commandline -opc)
        set -l program (string replace -r '^~' $HOME -- $tokens[1])
        set -l typed (commandline -ct)
        set -l word (string unescape -- "$typed")
        or set word (string replace -r '^[\'"]' '' -- "$typed")
        set -l index (math (count $tokens) - 1)
        set -e tokens[1]
        set -l answer ($program ---complete fish $index $tokens "$word" 2>/dev/null)
        set -l head (string split ' ' -- "$answer[1]")
        for line in $answer[2..]
            printf '%s\n' $line
        end
        switch "$head[1]"
            case files
                __fish_complete_path "$word"
            case folders
                __fish_complete_directories "$word"
        end
    end
    complete -c espalier -f -a '(__espalier_complete)'
    """#
}
