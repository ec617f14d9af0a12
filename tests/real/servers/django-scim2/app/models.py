from django.contrib.auth.models import AbstractUser
from django.db import models
from django_scim.models import AbstractSCIMGroupMixin, AbstractSCIMUserMixin


class User(AbstractSCIMUserMixin, AbstractUser):
    scim_groups = models.ManyToManyField("app.Group", through="app.Membership")


class Group(AbstractSCIMGroupMixin, models.Model):
    name = models.CharField(max_length=80)


class Membership(models.Model):
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    group = models.ForeignKey(Group, on_delete=models.CASCADE)
