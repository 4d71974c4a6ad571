// Resource ids, taken apart.

@export()
func nameIn(id string) string => last(split(id, '/'))!

@export()
@description('/subscriptions/<id>/resourceGroups/<name>')
func groupOf(id string) string => join(take(split(id, '/'), 5), '/')
