"""What ``import flyteplugins`` gives when `hearth.compat` is installed: the plugins that serve with an ordinary command."""
